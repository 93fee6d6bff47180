using Culvert.Kubernetes.Authentication;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Kubernetes.Tests.Authentication;

/// <summary>Files with tokens that are none.</summary>
public sealed class TokenFileTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ManualTime _time = new();
    private readonly RecordingLogger<TokenFile> _logger = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("a b", "what no token does")]
    [InlineData("a\nb", "what no token does")]
    public void WhatIsNoTokenIsRefused(string text, string reason)
    {
        ApiException error = Assert.Throws<ApiException>(() => new TokenFile(_folder.Write("token", text), _time, _logger).Read());
        Assert.Equal(ApiFailure.NoCredentials, error.Failure);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileWithoutEndIsNotReadToItsEnd()
    {
        File.CreateSymbolicLink(_folder.File("token"), "/dev/zero");
        Assert.Contains("larger than 65536 bytes", Assert.Throws<ApiException>(() => new TokenFile(_folder.File("token"), _time, _logger).Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OneThatCannotBeReadAnyMoreLeavesTheLastAndIsNotLogged()
    {
        var file = new TokenFile(_folder.Write("token", "secret\n"), _time, _logger);
        Assert.Equal("secret", file.Read());
        _folder.Write("token", "");
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("secret", file.Read());
        Assert.DoesNotContain("secret", Assert.Single(_logger.Lines), StringComparison.Ordinal);
    }
}
