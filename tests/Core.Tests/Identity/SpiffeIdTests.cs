namespace Culvert.Core.Tests;

public sealed class SpiffeIdTests
{
    [Theory]
    [InlineData("spiffe://cluster.local/ns/shop/sa/cart", "cluster.local", "shop", "cart")]
    [InlineData("spiffe://a-b_c.9/x/Y", "a-b_c.9", null, null)]
    [InlineData("spiffe://td", "td", null, null)]
    [InlineData("spiffe://td/ns/a/sa/b/c", "td", null, null)]
    public void ParsesValidIdentities(string text, string trustDomain, string? ns, string? serviceAccount)
    {
        SpiffeId id = SpiffeId.Parse(text);
        Assert.Equal((trustDomain, ns, serviceAccount, text), (id.TrustDomain, id.Namespace, id.ServiceAccount, id.ToString()));
        Assert.Equal(SpiffeId.Parse(text), id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("spiffe://")]
    [InlineData("spiffe:///ns/a/sa/b")]
    [InlineData("SPIFFE://td/a")]
    [InlineData("https://td/a")]
    [InlineData("spiffe://TD/a")]
    [InlineData("spiffe://td:8080/a")]
    [InlineData("spiffe://user@td/a")]
    [InlineData("spiffe://td/")]
    [InlineData("spiffe://td/a/")]
    [InlineData("spiffe://td/a//b")]
    [InlineData("spiffe://td/./b")]
    [InlineData("spiffe://td/../b")]
    [InlineData("spiffe://td/a%20b")]
    [InlineData("spiffe://td/a?b")]
    [InlineData("spiffe://td/a#b")]
    [InlineData("spiffe://td/ä")]
    [InlineData("spiffe://td/a*")]
    public void RejectsInvalidIdentitiesWithReason(string text)
    {
        Assert.False(SpiffeId.TryParse(text, out _, out string? error));
        Assert.NotEmpty(error);
    }

    [Theory]
    [InlineData("/culvert", true, false)]
    [InlineData("/culvert/node/n1", true, false)]
    [InlineData("/culverts", false, false)]
    [InlineData("/spire", false, true)]
    [InlineData("/spire/server", false, true)]
    [InlineData("/spire-demo/a", false, false)]
    [InlineData("/a/spire/server", false, false)]
    [InlineData("", false, false)]
    public void PartsOfTheMeshAndOfSpireAreKnownByTheBeginningOfTheirPath(string path, bool isOwn, bool isSpires)
    {
        SpiffeId id = SpiffeId.Parse("spiffe://td" + path);
        Assert.Equal((isOwn, isSpires), (id.IsOwn, id.IsSpires));
    }

    [Fact]
    public void RejectsOverlongIdentities()
    {
        Assert.False(SpiffeId.TryParse("spiffe://" + new string('a', 256), out _));
        Assert.False(SpiffeId.TryParse("spiffe://td/" + new string('a', 2048), out _));
        Assert.True(SpiffeId.TryParse("spiffe://" + new string('a', 255), out _));
    }

    [Fact]
    public void ServiceAccountIdentityRefusesPathTricks()
    {
        Assert.Equal("spiffe://td/ns/a/sa/b", SpiffeId.ForServiceAccount("td", "a", "b").ToString());
        Assert.Throws<FormatException>(() => SpiffeId.ForServiceAccount("td", "a", ".."));
        SpiffeId tricky = SpiffeId.ForServiceAccount("td", "a/sa/b/x", "c");
        Assert.Null(tricky.Namespace);
    }
}
