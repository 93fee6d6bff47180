using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Tests.Proxy;

namespace Culvert.NodeAgent.Tests.Identity;

public sealed class SvidVerifierTests
{
    [Fact]
    public void ABundleWithARootThatIsNoCertificateIsRefusedByName()
    {
        using TestAuthority authority = new("root");
        SvidVerifier.CheckRoots(new TrustBundle("example.org", [authority.Root]));
        InvalidDataException refused = Assert.Throws<InvalidDataException>(
            () => SvidVerifier.CheckRoots(new TrustBundle("example.org", [authority.Root, authority.Root[..^1]])));
        Assert.StartsWith("root 2 of the trust bundle of example.org is no certificate", refused.Message, StringComparison.Ordinal);
    }
}
