using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Tests.Identity.Upstream;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>Anchors that are no roots are the ends of paths, and nothing is forgiven on the way to them.</summary>
[Trait("Category", "Attack")]
public sealed class AnchorPathTests : IDisposable
{
    private const string Id = "spiffe://partner.example/server";
    private readonly CaFiles _root = CaFiles.Make(), _stranger = CaFiles.Make();
    private readonly CaFiles _above, _below;

    public AnchorPathTests()
    {
        _above = CaFiles.Make(_root);
        _below = CaFiles.Make(_above);
    }

    public void Dispose()
    {
        foreach (CaFiles files in new[] { _root, _stranger, _above, _below }) files.Dispose();
    }

    [Fact]
    public void AnyCertificateOfThePathMayBeTheAnchor()
    {
        using CaFiles leaf = Bundles.Svid(_below, Id);
        Assert.Null(Find(leaf, [_below], []));
        Assert.Null(Find(leaf, [_above], [_below]));
        Assert.Null(Find(leaf, [_root], [_below, _above]));
        Assert.Null(Find(leaf, [_stranger, _above], [_below]));

        // What is above an anchor, and what else was sent, is of no account.
        Assert.Null(Find(leaf, [_above], [_below, _root, _stranger]));
    }

    [Fact]
    public void NobodyElseIs()
    {
        using CaFiles leaf = Bundles.Svid(_below, Id);
        Assert.NotNull(Find(leaf, [], [_below, _above, _root]));
        Assert.NotNull(Find(leaf, [_stranger], [_below, _above, _root]));
        Assert.NotNull(Find(leaf, [_above], []));
        Assert.NotNull(Find(leaf, [_root], [_below]));
    }

    [Fact]
    public void NeitherSignaturesNorTimesNorPurposesOnTheWayAreForgiven()
    {
        using CaFiles ended = CaFiles.Make(_above, shape: new() { Left = TimeSpan.FromHours(-1) }), none = CaFiles.Make(_above, shape: new() { IsAuthority = false });
        using CaFiles belowEnded = Bundles.Svid(ended, Id), belowNone = Bundles.Svid(none, Id);
        using CaFiles leaf = Bundles.Svid(_below, Id);
        Assert.NotNull(Find(belowEnded, [_above], [ended]));
        Assert.NotNull(Find(belowEnded, [ended], []));
        Assert.NotNull(Find(belowNone, [_above], [none]));
        Assert.NotNull(AnchorPath.FindProblem(leaf.Certificate, [], [_below.Certificate.RawData], DateTimeOffset.UtcNow.AddDays(2)));
        using CaFiles client = CaFiles.Make(_below, shape: new() { IsAuthority = false, Usage = X509KeyUsageFlags.DigitalSignature, Others = [new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.2")], critical: false)] });
        Assert.NotNull(Find(client, [_below], []));

        // One whose issuer has the anchor's name, and another key.
        using ECDsa forger = ECDsa.Create(ECCurve.NamedCurves.nistP256), key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=forged", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        using X509Certificate2 forged = request.Create(_below.Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(forger), DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), [1, 2, 3]);
        Assert.NotNull(AnchorPath.FindProblem(forged, [], [_below.Certificate.RawData], DateTimeOffset.UtcNow));
        Assert.NotNull(AnchorPath.FindProblem(forged, [_below.Certificate, _above.Certificate], [_below.Certificate.RawData, _root.Certificate.RawData], DateTimeOffset.UtcNow));
    }

    private static string? Find(CaFiles leaf, CaFiles[] anchors, CaFiles[] others) =>
        AnchorPath.FindProblem(leaf.Certificate, [.. others.Select(o => o.Certificate)], [.. anchors.Select(a => (ReadOnlyMemory<byte>)a.Certificate.RawData)], DateTimeOffset.UtcNow);
}
