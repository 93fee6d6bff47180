using System.Text;

namespace Culvert.Core.Tests.HttpRoutes;

/// <summary>Which origins a pattern means, in the words of the Gateway API.</summary>
public sealed class OriginPatternTests
{
    [Theory]
    [InlineData("*", "https://shop.example", true)]
    [InlineData("*", "null", true)]
    [InlineData("https://shop.example", "https://shop.example", true)]
    [InlineData("https://Shop.Example", "HTTPS://shop.example", true)]
    [InlineData("https://shop.example", "https://shop.example:443", true)]
    [InlineData("https://shop.example:443", "https://shop.example", true)]
    [InlineData("http://shop.example:80", "http://shop.example", true)]
    [InlineData("https://shop.example", "http://shop.example", false)]
    [InlineData("https://shop.example", "https://shop.example:8443", false)]
    [InlineData("https://shop.example:8443", "https://shop.example:8443", true)]
    [InlineData("https://shop.example:8443", "https://shop.example", false)]
    [InlineData("https://shop.example", "https://shop.example.evil", false)]
    [InlineData("https://shop.example", "https://www.shop.example", false)]
    [InlineData("https://*.shop.example", "https://www.shop.example", true)]
    [InlineData("https://*.shop.example", "https://a.b.shop.example", true)]
    [InlineData("https://*.shop.example", "https://shop.example", false)]
    [InlineData("https://*.shop.example", "https://.shop.example", false)]
    [InlineData("https://*.shop.example", "https://evilshop.example", false)]
    [InlineData("https://*.shop.example", "https://www.shop.example:8443", false)]
    [InlineData("https://*.shop.example:8443", "https://www.shop.example:8443", true)]
    [InlineData("https://*", "https://anything.example", true)]
    [InlineData("https://*", "https://[fd00::1]", true)]
    [InlineData("https://*", "https://[fd00::1]:8443", false)]
    [InlineData("https://*:8443", "https://[fd00::1]:8443", true)]
    [InlineData("https://*", "http://anything.example", false)]
    [InlineData("https://*", "https://", false)]
    [InlineData("https://*", "null", false)]
    [InlineData("https://*", "", false)]
    [InlineData("https://shop.example", "https://shop.example:", false)]
    [InlineData("https://shop.example", "https://shop.example:443x", false)]
    [InlineData("https://shop.example", "https://shop.example:-443", false)]
    [InlineData("https://shop.example", "shop.example", false)]
    [InlineData("http://127.0.0.1:3000", "http://127.0.0.1:3000", true)]
    public void AnOriginIsMeantOrNot(string pattern, string origin, bool expected) => Assert.Equal(expected, OriginPattern.Parse(pattern).Matches(Encoding.ASCII.GetBytes(origin)));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("shop.example")]
    [InlineData("ftp://shop.example")]
    [InlineData("https://")]
    [InlineData("https://shop.example/")]
    [InlineData("https://shop..example")]
    [InlineData("https://a.*.example")]
    [InlineData("https://*shop.example")]
    [InlineData("https://*.")]
    [InlineData("https://**")]
    [InlineData("https://shop.example:")]
    [InlineData("https://shop.example:0")]
    [InlineData("https://shop.example:65536")]
    [InlineData("https://shop.example:+1")]
    [InlineData("https://shop.example:1:2")]
    [InlineData("https://user@shop.example")]
    [InlineData("https://[fd00::1]")]
    [InlineData("null")]
    public void OtherTextsAreNone(string? text)
    {
        Assert.False(OriginPattern.TryParse(text, out OriginPattern pattern, out string? error));
        Assert.NotNull(error);
        Assert.False(pattern.Matches("https://shop.example"u8));
        Assert.Throws<FormatException>(() => OriginPattern.Parse(text!));
    }

    [Fact]
    public void OneThatWasNeverMadeMeansNoOrigin()
    {
        OriginPattern none = default;
        Assert.False(none.IsAny || none.Matches("null"u8) || none.Matches(""u8));
    }

    [Fact]
    public void AFilterAllowsWhatAnyOfItsPatternsMeans()
    {
        HttpCors cors = new() { AllowOrigins = [OriginPattern.Parse("https://a.example"), OriginPattern.Parse("https://*.b.example")] };
        Assert.True(cors.Allows("https://a.example"u8) && cors.Allows("https://x.b.example"u8));
        Assert.False(cors.Allows("https://b.example"u8) || cors.IsForAll || new HttpCors().Allows("https://a.example"u8));
    }

    [Fact]
    public void OneForAllIsWithoutCredentials()
    {
        HttpCors all = new() { AllowOrigins = [OriginPattern.Any] };
        Assert.True(all.IsForAll);
        Assert.False((all with { AllowCredentials = true }).IsForAll);
    }
}
