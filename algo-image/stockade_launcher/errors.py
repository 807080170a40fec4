"""Every error of the policy's translation; each ends the image's build.

PolicyError            policy.toml or syscalls.toml contradicts itself
"""


class PolicyError(Exception):
    """`policy.toml` or `syscalls.toml` contradicts itself."""
