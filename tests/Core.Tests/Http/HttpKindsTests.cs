namespace Culvert.Core.Tests.Http;

/// <summary>What a port speaks, as its Service declares it.</summary>
public sealed class HttpKindsTests
{
    [Theory]
    [InlineData("http", HttpKind.Http1)]
    [InlineData("HTTP", HttpKind.Http1)]
    [InlineData("kubernetes.io/ws", HttpKind.Http1)]
    [InlineData("kubernetes.io/h2c", HttpKind.Http2)]
    [InlineData("http2", HttpKind.Http2)]
    [InlineData("gRPC", HttpKind.Http2)]
    [InlineData("https", HttpKind.None)]
    [InlineData("grpc-web", HttpKind.None)]
    [InlineData("tcp", HttpKind.None)]
    [InlineData("", HttpKind.None)]
    [InlineData(null, HttpKind.None)]
    public void AreFoundWithoutRegardToCase(string? declared, HttpKind kind) => Assert.Equal(kind, HttpKinds.Of(declared));

    [Fact]
    public void WhatNobodyDeclaresMayBeHttp()
    {
        Assert.True(HttpKinds.MayBe(null));
        Assert.True(HttpKinds.MayBe("Http"));
        Assert.False(HttpKinds.MayBe("tcp"));
    }
}
