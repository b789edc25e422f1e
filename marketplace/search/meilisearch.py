"""placeholder"""


class MeiliEngine: ...
