using Culvert.Interop.Native;

namespace Culvert.Interop.Tests;

/// <summary>Cryptography of OpenSSL's FIPS provider alone. It can't be taken back, so no test has it so.</summary>
public sealed class FipsModeTests
{
    [Fact]
    public void WhereOpensslHasNoSuchProviderTheRemedyIsSaid()
    {
        Assert.SkipWhen(OpenSsl.OSSL_PROVIDER_available(0, "fips") == 1, "OpenSSL has a FIPS provider here");
        Assert.False(FipsMode.IsOn);
        InvalidOperationException refusal = Assert.Throws<InvalidOperationException>(FipsMode.Require);
        Assert.Contains("openssl fipsinstall", refusal.Message, StringComparison.Ordinal);
        Assert.False(FipsMode.IsOn);
    }
}
