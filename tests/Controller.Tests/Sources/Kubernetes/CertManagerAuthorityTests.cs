using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Upstream;
using Culvert.Controller.Identity.Upstream.CertManager;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>An issuer of cert-manager, on an API server; the tests write the statuses that cert-manager writes.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class CertManagerAuthorityTests(TestCluster cluster) : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly CaFiles _root = CaFiles.Make();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _root.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task WhatARequestIsAnsweredWithIsTakenAndTheRequestDeleted()
    {
        (CertManagerAuthority authority, string ns) = await PrepareAsync(cluster.Admin);
        Assert.Equal(_root.Certificate.RawData, Assert.Single((await authority.ReadAsync(Stop)).Roots).ToArray());
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Task<ImmutableArray<ReadOnlyMemory<byte>>> certifying = authority.CertifyAsync(key, "x", TimeSpan.FromDays(30), Stop);
        CertificateRequestObject request = await RequestAsync(ns);
        Assert.Equal(("2592000s", true, "mesh", "Issuer", "cert-manager.io"), (request.Spec!.Duration, request.Spec.IsCA, request.Spec.IssuerRef.Name, request.Spec.IssuerRef.Kind, request.Spec.IssuerRef.Group));

        // First it is approved, which is no answer.
        await SetAsync(request, Condition("Approved", "True", "cert-manager.io", "it may be"));
        byte[] certified = Certify(request);
        await SetAsync(request, Condition("Ready", "True", "Issued", "done"), Encoding.ASCII.GetBytes(PemEncoding.WriteString("CERTIFICATE", certified) + "\n" + _root.CertificatePem));
        Assert.Equal(certified, Assert.Single(await certifying.WaitAsync(Soon.Limit, Stop)).ToArray());
        await Soon.Holds("the request is gone", async () => (await cluster.Admin.Resource(CertificateRequestObject.Type).ListAsync(new() { Namespace = ns }, Stop)).Items.Count == 0);
    }

    [Theory]
    [InlineData("Denied", "True", "Policy", "no authorities")]
    [InlineData("Ready", "False", "Failed", "the issuer is not ready to sign")]
    [InlineData("InvalidRequest", "True", "Usages", "they don't fit")]
    public async Task ARefusalIsToldInItsOwnWords(string type, string status, string reason, string message)
    {
        (CertManagerAuthority authority, string ns) = await PrepareAsync(cluster.Admin);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Task certifying = authority.CertifyAsync(key, "x", TimeSpan.FromDays(30), Stop);
        await SetAsync(await RequestAsync(ns), Condition(type, status, reason, message));
        AuthorityException refused = await Assert.ThrowsAsync<AuthorityException>(() => certifying.WaitAsync(Soon.Limit, Stop));
        Assert.Equal(AuthorityFailure.Misconfigured, refused.Reason);
        Assert.Contains($"The Issuer {ns}/mesh of cert-manager does not certify an authority: {type} ({reason}): {message}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhereNobodyAnswersItIsSaidWhatIsWaitedFor()
    {
        (CertManagerAuthority authority, _) = await PrepareAsync(cluster.Admin, TimeSpan.FromMilliseconds(300));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException refused = await Assert.ThrowsAsync<AuthorityException>(() => authority.CertifyAsync(key, "x", TimeSpan.FromDays(30), Stop));
        Assert.Equal(AuthorityFailure.Unavailable, refused.Reason);
        Assert.Contains("does cert-manager run, and is the issuer there?", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARoleThatIsMissingIsNamed()
    {
        using KubernetesClient nobody = cluster.Server.Client(ApiServer.NobodyToken);
        (CertManagerAuthority authority, _) = await PrepareAsync(nobody);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException refused = await Assert.ThrowsAsync<AuthorityException>(() => authority.CertifyAsync(key, "x", TimeSpan.FromDays(30), Stop));
        Assert.Equal(AuthorityFailure.Misconfigured, refused.Reason);
        Assert.Contains("the controller's role lacks the verb create on certificaterequests.cert-manager.io", refused.Message, StringComparison.Ordinal);
    }

    private static JsonObject Condition(string type, string status, string reason, string message) => new() { ["type"] = type, ["status"] = status, ["reason"] = reason, ["message"] = message };

    private byte[] Certify(CertificateRequestObject asked)
    {
        PublicKey key = CertificateRequest.LoadSigningRequestPem(Encoding.ASCII.GetString(asked.Spec!.Request), HashAlgorithmName.SHA256).PublicKey;
        CertificateRequest request = new(new X500DistinguishedName("CN=x"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 certificate = request.Create(_root.Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa((ECDsa)_root.Key), DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(30), [1, 2, 3]);
        return certificate.RawData;
    }

    private async Task<(CertManagerAuthority Authority, string Namespace)> PrepareAsync(IKubernetesClient client, TimeSpan? deadline = null)
    {
        await cluster.InstallWithoutSchemaAsync(new("cert-manager.io", "v1", "certificaterequests", "CertificateRequest", ApiJson.Default.ApiDocument));
        string ns = await cluster.NamespaceAsync();
        _folder.Write("roots.pem", _root.CertificatePem);
        CertManagerOptions options = new(new ResourceName(ns, "mesh"), _folder.File("roots.pem"));
        return (new(deadline is { } wanted ? options with { Deadline = wanted } : options, client, TimeProvider.System, NullLogger.Instance), ns);
    }

    private async Task<CertificateRequestObject> RequestAsync(string ns)
    {
        CertificateRequestObject? found = null;
        await Soon.Holds("a request is there", async () => (found = (await cluster.Admin.Resource(CertificateRequestObject.Type).ListAsync(new() { Namespace = ns }, Stop)).Items.SingleOrDefault()) is not null);
        return found!;
    }

    private Task SetAsync(CertificateRequestObject request, JsonObject condition, byte[]? certificate = null)
    {
        JsonObject status = new() { ["conditions"] = new JsonArray(condition) };
        if (certificate is not null) status["certificate"] = Convert.ToBase64String(certificate);
        byte[] patch = JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["status"] = status });
        return cluster.Admin.Resource(CertificateRequestObject.Type).PatchStatusAsync(request.Metadata.ResourceName, patch, "tests", Stop);
    }
}
