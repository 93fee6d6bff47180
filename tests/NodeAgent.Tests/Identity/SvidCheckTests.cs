using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.Protocol;

namespace Culvert.NodeAgent.Tests.Identity;

/// <summary>Every rule of certificates has its name, and is broken alone by a certificate that breaks no other.</summary>
public sealed class SvidCheckTests : IDisposable
{
    private const string Web = "spiffe://example.org/ns/shop/sa/web";
    private const X509KeyUsageFlags Signature = X509KeyUsageFlags.DigitalSignature;

    private readonly TestAuthority _authority = new();
    private readonly TestAuthority _other = new("another root");

    public static TheoryData<bool, X509KeyUsageFlags?, string[]?, string, string> BrokenRules => new()
    {
        { true, Signature, null, "basic-constraints", "is an authority's" },
        { false, Signature | X509KeyUsageFlags.KeyCertSign, null, "key-usage", "may sign certificates" },
        { false, Signature | X509KeyUsageFlags.CrlSign, null, "key-usage", "may sign certificates" },
        { false, null, null, "key-usage", "does not say that its key is for signatures" },
        { false, X509KeyUsageFlags.KeyAgreement, null, "key-usage", "does not say that its key is for signatures" },
        { false, Signature, [TestAuthority.ServerAuthentication], "extended-key-usage", "not for both servers and clients" },
        { false, Signature, [TestAuthority.ClientAuthentication], "extended-key-usage", "not for both servers and clients" },
    };

    [Fact]
    public void ACertificateOfTheMeshBreaksNone()
    {
        Assert.Empty(Find(_authority.Issue(Web)));
        Assert.Empty(Find(_authority.Issue(Web), expected: null));
        Assert.Empty(Find(_authority.IssueWith(Web, isAuthority: false, Signature | X509KeyUsageFlags.KeyAgreement, purposes: [])));
    }

    [Theory, MemberData(nameof(BrokenRules))]
    public void WhatACertificateSaysOfItselfIsLookedAt(bool isAuthority, X509KeyUsageFlags? usage, string[]? purposes, string rule, string text)
    {
        BrokenSvidRule broken = Assert.Single(Find(_authority.IssueWith(Web, isAuthority, usage, purposes)));
        Assert.Equal(rule, broken.Name);
        Assert.Contains(text, broken.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("uri-name", "has 0 URI names")]
    [InlineData("uri-name", "has 2 URI names", Web, "spiffe://example.org/other")]
    [InlineData("uri-name", "no SPIFFE ID", "https://example.org/ns/shop/sa/web")]
    [InlineData("path", "names the trust domain spiffe://example.org", "spiffe://example.org")]
    [InlineData("trust-domain", "is of the trust domain other.org, and the trust bundle of example.org", "spiffe://other.org/ns/shop/sa/web")]
    public void ItsNamesAreLookedAt(string rule, string text, params string[] uris)
    {
        BrokenSvidRule broken = Assert.Single(Find(_authority.Issue(uris), expected: null));
        Assert.Equal(rule, broken.Name);
        Assert.Contains(text, broken.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void ItHasToBeOfTheIdentityThatItIsKeptFor()
    {
        BrokenSvidRule broken = Assert.Single(Find(_authority.Issue("spiffe://example.org/ns/shop/sa/api")));
        Assert.Equal(new BrokenSvidRule("identity", $"names spiffe://example.org/ns/shop/sa/api, and is kept for {Web}"), broken);
    }

    [Fact]
    public void ItHasToLeadToARootOfTheBundle()
    {
        Assert.Equal("chain", Assert.Single(Find(_other.Issue(Web))).Name);
        Assert.Equal(new BrokenSvidRule("chain", "leads nowhere: there is no trust bundle"), Assert.Single(SvidCheck.FindBroken([_authority.Issue(Web).Certificate], TrustBundle.Empty, RevokedCredentials.None, null, DateTimeOffset.UtcNow)));

        // By what comes with it.
        Assert.Empty(SvidCheck.FindBroken([_other.Issue(Web).Certificate, _authority.CertifySuccessor(_other)], Bundle(), RevokedCredentials.None, SpiffeId.Parse(Web), DateTimeOffset.UtcNow));
    }

    [Fact]
    public void AllOfTheChainHasToBeValid()
    {
        TestLeaf leaf = _authority.Issue(Web);
        Assert.StartsWith("has ended at ", Single(leaf, DateTimeOffset.UtcNow.AddHours(2)), StringComparison.Ordinal);
        Assert.StartsWith("is not valid before ", Single(leaf, DateTimeOffset.UtcNow.AddDays(-15)), StringComparison.Ordinal);
        IReadOnlyList<BrokenSvidRule> both = Find(leaf, DateTimeOffset.UtcNow.AddDays(2));
        Assert.Equal(["validity", "validity"], both.Select(b => b.Name));
        Assert.StartsWith("is below CN=test root, which has ended at ", both[1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void AllBrokenRulesAreNamedTogether() =>
        Assert.Equal(
            ["chain", "validity", "basic-constraints", "key-usage", "identity", "trust-domain"],
            Find(_other.IssueWith("spiffe://other.org/x", isAuthority: true, usage: null), DateTimeOffset.UtcNow.AddHours(2)).Select(b => b.Name));

    [Fact]
    public void WhatIsNoCertificateIsSaidToBeNone() => Assert.Equal("encoding", Assert.Single(SvidCheck.FindBroken([new byte[] { 1, 2, 3 }], Bundle(), RevokedCredentials.None, null, DateTimeOffset.UtcNow)).Name);

    public void Dispose()
    {
        _authority.Dispose();
        _other.Dispose();
    }

    private string Single(TestLeaf leaf, DateTimeOffset at)
    {
        BrokenSvidRule broken = Assert.Single(Find(leaf, at));
        Assert.Equal("validity", broken.Name);
        return broken.Text;
    }

    [Fact]
    public void WhatIsRevokedIsSaidToBe()
    {
        TestLeaf leaf = _authority.Issue(Web);
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(leaf.Certificate);
        CertificateSerial serial = CertificateSerial.Of(certificate.SerialNumberBytes.Span);
        Assert.Equal(
            [new BrokenSvidRule("revoked", $"leads over certificate {serial}, which is revoked"), new BrokenSvidRule("revoked", $"is of {Web}, which is revoked")],
            SvidCheck.FindBroken([leaf.Certificate], Bundle(), new() { Serials = [serial], Identities = [SpiffeId.Parse(Web)] }, null, DateTimeOffset.UtcNow));
    }

    private IReadOnlyList<BrokenSvidRule> Find(TestLeaf leaf, DateTimeOffset? at = null) => Find(leaf, SpiffeId.Parse(Web), at);

    private IReadOnlyList<BrokenSvidRule> Find(TestLeaf leaf, SpiffeId? expected, DateTimeOffset? at = null) => SvidCheck.FindBroken([leaf.Certificate], Bundle(), RevokedCredentials.None, expected, at ?? DateTimeOffset.UtcNow);

    private TrustBundle Bundle() => new("example.org", [_authority.Root]);
}
