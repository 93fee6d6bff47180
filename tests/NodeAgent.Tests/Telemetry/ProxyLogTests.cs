using Culvert.NodeAgent.Telemetry;

namespace Culvert.NodeAgent.Tests.Telemetry;

public sealed class ProxyLogTests
{
    [Theory]
    [InlineData(0, "")]
    [InlineData(7, " (7 more of this peer not shown)")]
    public void HowManyLinesAreNotShownIsSaidWhereThereAreAny(int suppressed, string said) => Assert.Equal(said, ProxyObserver.NotShown(suppressed, "more of this peer"));
}
