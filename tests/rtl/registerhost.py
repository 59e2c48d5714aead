"""A host on the register bus, for unit tests in Amaranth's simulator."""

from hybridmesh.contract.registers import register

__all__ = ["Host", "RefusedError"]


class RefusedError(Exception):
    """The bus answered with an error."""


class Host:
    """Registers by their names; raises :exc:`RefusedError` where the bus answers with an error."""

    def __init__(self, ctx, bus) -> None:
        self.ctx, self.bus = ctx, bus

    async def put(self, name: str, word: int) -> None:
        """A clock after which *word* is written in the next one."""
        ctx, bus = self.ctx, self.bus
        ctx.set(bus.w_address, register(name).address)
        ctx.set(bus.w_data, word)
        ctx.set(bus.w_en, 1)
        await ctx.tick()
        ctx.set(bus.w_en, 0)

    async def write(self, name: str, word: int) -> None:
        await self.put(name, word)
        (refused,) = (await self.ctx.tick().sample(self.bus.w_error))[2:]
        if refused:
            raise RefusedError(name)

    async def read(self, name: str) -> int:
        ctx, bus = self.ctx, self.bus
        ctx.set(bus.r_address, register(name).address)
        ctx.set(bus.r_en, 1)
        await ctx.tick()
        ctx.set(bus.r_en, 0)
        await ctx.tick()
        if ctx.get(bus.r_error):
            raise RefusedError(name)
        return ctx.get(bus.r_data)

    async def field(self, name: str, field: str) -> int:
        return register(name).field(field).get(await self.read(name))
