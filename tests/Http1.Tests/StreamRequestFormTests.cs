using System.Text;
using Culvert.Http2;

namespace Culvert.Http1.Tests;

/// <summary>What a request of HTTP/2 must not have so that all read it in the same way.</summary>
public sealed class StreamRequestFormTests
{
    [Theory]
    [InlineData(":method GET,:scheme http,:authority shop:80,:path /a?b", 0)]
    [InlineData(":method GET,:scheme https,:path /,host [::1]", 0)]
    [InlineData(":method OPTIONS,:scheme http,:authority shop,:path *", 0)]
    [InlineData(":method GET,:scheme http,:authority shop,:path *", 400)]
    [InlineData(":method GET,:scheme http,:authority shop,:path a", 400)]
    [InlineData(":method GET,:scheme ftp,:authority shop,:path /a", 400)]
    [InlineData(":method GET,:scheme http,:authority shop,:path /a#b", 400)]
    [InlineData(":method GET,:scheme http,:authority shop,:path /é", 400)]
    [InlineData(":method GET,:scheme http,:path /", 400)]
    [InlineData(":method GET,:scheme http,:authority a/b,:path /", 400)]
    [InlineData(":method GET,:scheme http,:authority a:1:1,:path /", 400)]
    [InlineData(":method GET,:scheme http,:authority a,:path /,host a,host a", 400)]
    public void IsThatOfHttp1(string head, int status) => Assert.Equal(status, StreamRequestForm.RefusalOf(Parse(head), new Http1Limits(), isHostCompared: true)?.Status ?? 0);

    [Fact]
    public void WhatIsNoHostIsLeftAloneWhereNothingIsDecidedByIt()
    {
        Assert.Null(StreamRequestForm.RefusalOf(Parse(":method GET,:scheme http,:authority fd00::1,:path /"), new Http1Limits(), isHostCompared: false));
        Assert.Null(StreamRequestForm.RefusalOf(Parse(":method GET,:scheme http,:path /"), new Http1Limits(), isHostCompared: false));
        Assert.NotNull(StreamRequestForm.RefusalOf(Parse(":method GET,:scheme http,:path /,host a,host b"), new Http1Limits(), isHostCompared: false));
    }

    [Fact]
    public void ALongPathIsRefused() => Assert.Equal(414, StreamRequestForm.RefusalOf(Parse($":method GET,:scheme http,:authority a,:path /{new string('a', 8192)}"), new Http1Limits(), isHostCompared: true)?.Status);

    [Fact]
    public void TheHostIsTheAuthorityOrElseTheField()
    {
        Assert.Equal("a", Encoding.Latin1.GetString(StreamRequestForm.HostOf(Parse(":authority a,host b"))));
        Assert.Equal("b", Encoding.Latin1.GetString(StreamRequestForm.HostOf(Parse(":method GET,host b"))));
    }

    private static HeaderList Parse(string head)
    {
        HeaderList fields = new();
        foreach (string field in head.Split(','))
        {
            int end = field.IndexOf(' ', StringComparison.Ordinal);
            fields.Add(Encoding.Latin1.GetBytes(field[..end]), Encoding.Latin1.GetBytes(field[(end + 1)..]));
        }

        return fields;
    }
}
