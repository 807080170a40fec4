"""Real code of each library that algorithms compute with; what it prints is the same wherever it may run."""

NUMPY = """
import numpy as np
random = np.random.default_rng(7)
a = random.normal(size=(300, 300))
print(np.allclose(np.linalg.inv(a) @ a, np.eye(300)), np.allclose(np.fft.ifft(np.fft.fft(a[0])).real, a[0]))
u, s, v = np.linalg.svd(a)
print(np.allclose(u * s @ v, a), np.sort(a, axis=None)[[0, -1]].round(9).tolist())
np.save("/tmp/stockade-library-test.npy", a)
print(np.load("/tmp/stockade-library-test.npy", mmap_mode="r").shape)
import os; os.unlink("/tmp/stockade-library-test.npy")
"""
PANDAS = """
import io
import pandas as pd
rows = [f"2021-01-08T00:{i // 60:02}:{i % 60:02}Z,{39000 + i % 7},{i % 5}" for i in range(900)]
rows = "\\n".join(["time,price,quantity", *rows])
trades = pd.read_csv(io.StringIO(rows), parse_dates=["time"]).set_index("time")
bars = trades["price"].resample("1min").ohlc()
print(len(bars), bars.iloc[3].tolist(), trades["price"].rolling(20).mean().iloc[-1])
print(trades.groupby("quantity")["price"].agg(["min", "max", "count"]).to_dict())
print(pd.merge_asof(bars.reset_index(), trades.reset_index(), on="time").shape)
print(trades.ewm(span=9).mean().iloc[-1].round(6).tolist())
"""
TALIB = """
import numpy as np
import talib
close = 100 + np.cumsum(np.random.default_rng(7).normal(size=500))
high, low = close + 1, close - 1
print(talib.RSI(close, 14)[-1], talib.EMA(close, 20)[-1], [band[-1] for band in talib.BBANDS(close, 20)])
print(talib.ATR(high, low, close, 14)[-1], [line[-1] for line in talib.MACD(close)])
print(talib.CDLDOJI(close, high, low, close).sum())
"""
TALIPP = """
from talipp.indicators import BB, EMA, MACD, RSI
prices = [100 + (i * 37 % 23) / 7 for i in range(200)]
rsi, ema, bands, macd = RSI(14), EMA(20), BB(20, 2), MACD(12, 26, 9)
for price in prices:
    for indicator in (rsi, ema, bands, macd):
        indicator.add(price)
print(rsi[-1], ema[-1], bands[-1], macd[-1])
"""
PYDANTIC = """
from decimal import Decimal
from pydantic import BaseModel, Field, ValidationError, field_validator
class Parameters(BaseModel, frozen=True, extra="forbid"):
    fast: int = Field(gt=0)
    slow: int
    size: Decimal = Decimal("0.001")
    @field_validator("slow")
    @classmethod
    def check(cls, value, info):
        if value <= info.data["fast"]:
            raise ValueError("slow must be above fast")
        return value
print(Parameters.model_validate_json('{"fast": 3, "slow": 9, "size": "0.01"}'), len(Parameters.model_json_schema()))
try:
    Parameters(fast=9, slow=3)
except ValidationError as error:
    print(error.errors()[0]["msg"])
"""
STANDARD = """
import asyncio, concurrent.futures, multiprocessing, os, pickle, sqlite3, subprocess, sys, tempfile, threading, zoneinfo
async def wait():
    await asyncio.gather(*(asyncio.sleep(0.01) for _ in range(5)))
    return await asyncio.to_thread(os.getpid)
print(asyncio.run(wait()) == os.getpid())
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(list(pool.map(lambda n: n * n, range(5))))
with tempfile.TemporaryDirectory() as folder:
    table = sqlite3.connect(folder + "/notes.db")
    table.execute("create table note (text)")
    table.execute("insert into note values ('kept')")
    table.commit()
    print(table.execute("select text from note").fetchall())
print(subprocess.run([sys.executable, "-I", "-c", "print(6 * 7)"], capture_output=True, text=True, check=True).stdout)
def answer(pipe): pipe.send(pickle.dumps("child"))
here, there = multiprocessing.Pipe()
child = multiprocessing.get_context("fork").Process(target=answer, args=(there,))
child.start()
print(pickle.loads(here.recv()))
child.join()
print(child.exitcode)
"""
CODE = {"numpy": NUMPY, "pandas": PANDAS, "ta-lib": TALIB, "talipp": TALIPP, "pydantic": PYDANTIC, "standard": STANDARD}
