using Culvert.Controller.Documents;
using Culvert.Controller.Identity.Federation;
using Culvert.Core;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>The file that names trust domains.</summary>
public sealed class FederationFileTests
{
    private const string Good = """
        trustDomain: good.example
        bundleEndpoint: {url: 'https://good.example/', profile: https_web}

        """;

    [Fact]
    public void EachDocumentIsATrustDomain()
    {
        FederationFile read = FederationFile.Read("/etc/culvert/federation.yaml", """
            trustDomain: web.example
            bundleEndpoint: {url: 'https://bundles.web.example:8443/b', profile: https_web, webRoots: roots.pem}
            ---
            trustDomain: spiffe.example
            bundleEndpoint:
              url: https://10.0.0.1/
              profile: https_spiffe
              spiffeId: spiffe://spiffe.example/spire/server
            bundle: first/spiffe.json
            ---
            trustDomain: by-hand.example
            bundle: /srv/by-hand.pem
            ---
            trustDomain: proven-by-another.example
            bundleEndpoint: {url: 'https://x/', profile: https_spiffe, spiffeId: 'spiffe://web.example/bundles'}
            """, "cluster.local");
        Assert.Empty(read.Errors);
        Assert.True(read.IsWhole);
        Assert.Equal(
            [
                new("by-hand.example", null, "/srv/by-hand.pem"),
                new("proven-by-another.example", new(new Uri("https://x/"), SpiffeId.Parse("spiffe://web.example/bundles"), null), null),
                new("spiffe.example", new(new Uri("https://10.0.0.1/"), SpiffeId.Parse("spiffe://spiffe.example/spire/server"), null), "/etc/culvert/first/spiffe.json"),
                new FederatedDomain("web.example", new(new Uri("https://bundles.web.example:8443/b"), null, "/etc/culvert/roots.pem"), null),
            ],
            read.Domains);
    }

    [Theory]
    [InlineData("trustDomain: cluster.local\nbundle: b.json", "f.yaml:1: cluster.local: trustDomain: 'cluster.local' is the mesh's own trust domain")]
    [InlineData("trustDomain: Bad.example\nbundle: b.json", "f.yaml:1: trustDomain: the trust domain holds 'B'")]
    [InlineData("bundle: b.json", "f.yaml:1: trustDomain: is required")]
    [InlineData("trustDomain: a.example", "f.yaml:1: a.example: bundleEndpoint: is required, or 'bundle'")]
    [InlineData("trustDomain: a.example\nbundle: b.json\nbundles: b.json", "f.yaml:3: a.example: bundles: unknown field")]
    [InlineData("trustDomain: a.example\nbundle: ''", "f.yaml:2: a.example: bundle: must be the path of a file")]
    [InlineData("trustDomain: a.example\nbundle: b\nbundleEndpoint:\n  profile: https_web", "f.yaml:4: a.example: bundleEndpoint.url: is required")]
    [InlineData("trustDomain: a.example\nbundleEndpoint:\n  url: https://a/\n", "f.yaml:3: a.example: bundleEndpoint.profile: is required")]
    [InlineData("trustDomain: a.example\nbundleEndpoint:\n  url: https://a/\n  profile: web", "f.yaml:4: a.example: bundleEndpoint.profile: 'web' is not one of https_web, https_spiffe")]
    [InlineData("trustDomain: a.example\nbundleEndpoint:\n  url: http://a/\n  profile: https_web", "f.yaml:3: a.example: bundleEndpoint.url: 'http://a/' does not begin with https://")]
    [InlineData("trustDomain: a.example\nbundleEndpoint:\n  url: https://me:secret@a/\n  profile: https_web", "f.yaml:3: a.example: bundleEndpoint.url: has a user name or password")]
    [InlineData("trustDomain: a.example\nbundleEndpoint:\n  url: https://a/\n  profile: https_spiffe", "f.yaml:3: a.example: bundleEndpoint.spiffeId: is required")]
    [InlineData("trustDomain: a.example\nbundleEndpoint:\n  url: https://a/\n  profile: https_spiffe\n  spiffeId: spiffe://b.example", "f.yaml:5: a.example: bundleEndpoint.spiffeId: 'spiffe://b.example' is a trust domain")]
    [InlineData("trustDomain: a.example\nbundleEndpoint:\n  url: https://a/\n  profile: https_web\n  spiffeId: spiffe://b.example/s", "f.yaml:5: a.example: bundleEndpoint.spiffeId: means something with profile https_spiffe only")]
    [InlineData("trustDomain: a.example\nbundleEndpoint:\n  url: https://a/\n  profile: https_spiffe\n  spiffeId: spiffe://b.example/s\n  webRoots: r.pem", "f.yaml:6: a.example: bundleEndpoint.webRoots: means something with profile https_web only")]
    [InlineData("trustDomain: a.example\nbundleEndpoint:\n  url: https://a/\n  profile: https_spiffe\n  spiffeId: spiffe://a.example/s", "f.yaml:1: a.example: bundle: is required: the server is spiffe://a.example/s")]
    [InlineData("- a", "f.yaml:1: must be a mapping, not a list")]
    [InlineData("trustDomain: [", "f.yaml:1: not valid YAML")]
    public void AMistakeIsToldWithItsPlaceAndTakesNoOtherDown(string text, string error)
    {
        FederationFile read = FederationFile.Read("f.yaml", $"{text}\n---\n{Good}", "cluster.local");
        Assert.Equal("good.example", Assert.Single(read.Domains).TrustDomain);
        Assert.StartsWith(error, Assert.Single(read.Errors).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void OfTwoTheFirstCounts()
    {
        FederationFile read = FederationFile.Read("f.yaml", $"{Good}---\ntrustDomain: good.example\nbundle: b.json\n", null);
        Assert.NotNull(Assert.Single(read.Domains).Endpoint);
        Assert.Contains("f.yaml:4: good.example: trustDomain: 'good.example' is there twice", Assert.Single(read.Errors).ToString(), StringComparison.Ordinal);
        Assert.Empty(read.Broken);
    }

    [Fact]
    public void WhatCanNotBeNamedIsTold()
    {
        Assert.False(FederationFile.Read("f.yaml", $"trustDomain: [\n---\n{Good}", null).IsWhole);
        FederationFile named = FederationFile.Read("f.yaml", $"trustDomain: a.example\n---\n{Good}", null);
        Assert.True(named.IsWhole);
        Assert.Equal(["a.example"], named.Broken);
        Assert.True(FederationFile.Read("f.yaml", "# none\n", null).IsEmpty);
    }

    [Fact]
    public void TooManyAreRefusedAsAWhole() =>
        Assert.Throws<DocumentFormatException>(() => FederationFile.Read("f.yaml", string.Join("---\n", Enumerable.Range(0, TrustBundle.MostFederated + 2).Select(i => $"trustDomain: d{i}\nbundle: b\n")), null));
}
