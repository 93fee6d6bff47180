namespace Culvert.Core.Tests;

public sealed class PacketMarkTests
{
    [Theory]
    [InlineData("0x30", 0x30u)]
    [InlineData("0XfFff0000", 0xffff0000u)]
    [InlineData("48", 48u)]
    [InlineData("0xffffffff", uint.MaxValue)]
    public void ReadsWhatTheToolsWrite(string text, uint expected)
    {
        Assert.True(PacketMark.TryParse(text, out uint mark));
        Assert.Equal(expected, mark);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData(" 0x30")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("30h")]
    [InlineData("0x100000000")]
    [InlineData("4294967296")]
    public void TakesNothingElse(string text)
    {
        Assert.False(PacketMark.TryParse(text, out uint mark));
        Assert.Equal(0u, mark);
    }
}
