using System.Security.Cryptography;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Upstream;
using Culvert.Controller.Tests.Identity.Revocation;
using Culvert.Core;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;

namespace Culvert.Controller.Tests.Identity.Upstream;

/// <summary>A whole controller that signs below an authority in files, and reads revocation lists of that.</summary>
public sealed class UpstreamControllerTests : IDisposable
{
    private readonly CaFiles _root = CaFiles.Make();

    public void Dispose() => _root.Dispose();

    [Fact]
    public async Task ANodeJoinsAndItsWorkloadsCertificateLeadsToTheOrganisationsRoot()
    {
        await using Running running = await StartAsync();
        using FakeAgent stranger = FakeAgent.OverTls(running.Host, "node-1");
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        ByteString csr = ByteString.CopyFrom(CsrIdentity.Create(key, null));
        JoinNodeRequest request = new() { Token = running.Host.Tokens.Create("node-1", TimeSpan.FromHours(1)), Node = "node-1", CsrDer = csr };
        CertificateResponse joined = await stranger.Certificates.JoinNodeAsync(request, stranger.Options);
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", FakeAgent.Identity(joined, key));
        CertificateResponse signed = await agent.Certificates.SignWorkloadAsync(new() { WorkloadUid = "shop/web", CsrDer = csr }, agent.Options);
        Assert.Equal(3, signed.ChainDer.Count);
        Assert.Equal(_root.Certificate.RawData, Assert.Single(signed.RootsDer).ToByteArray());

        // It signs no tokens, and says so in so many words: a code could be that of a controller that knows nothing of them.
        SignJwtResponse token = await agent.Certificates.SignJwtAsync(new() { WorkloadUid = "shop/web", Audience = { "db" } }, agent.Options);
        Assert.Equal("", token.Token);
        Assert.Contains("signs none", token.Unsupported, StringComparison.Ordinal);
        Assert.Contains(Convert.ToBase64String(_root.Certificate.RawData)[..40], File.ReadAllText(running.Folder.File("state/roots.pem")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatAListNamesIsInSnapshotsAndTheControllersOwnAuthorityIsReplacedWhereItIsNamed()
    {
        await using Running running = await StartAsync();
        CertificateSerial own = await SignerAsync(running);
        string serial = own.ToString().PadLeft((own.ToString().Length + 1) / 2 * 2, '0');
        await File.WriteAllBytesAsync(running.Folder.File("a.crl"), Crls.Make(_root, ["7F01", serial]), TestContext.Current.CancellationToken);
        await Soon.Holds("the list is in force", () => running.Host.SnapshotFor("node-1").Mesh.Revoked.Serials.SequenceEqual([Crls.Serial("7F01"), own]));
        await Soon.Holds("another authority signs", async () =>
        {
            try
            {
                return await SignerAsync(running) != own;
            }
            catch (AuthorityException e) when (e.Reason == AuthorityFailure.Unavailable)
            {
                return false; // that one signs nothing more, and the other one is being made
            }
        });
    }

    private static async Task<CertificateSerial> SignerAsync(Running running)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        SpiffeId web = SpiffeId.ForServiceAccount("cluster.local", "shop", "web");
        return SvidReader.SerialOf((await running.Host.Authority.SignAsync(new() { Csr = CsrIdentity.Create(key, web), Identity = web, Lifetime = TimeSpan.FromHours(1) }, default)).Chain[1]);
    }

    private async Task<Running> StartAsync()
    {
        DiskOptions? files = null;
        string list = "";
        using CaFiles authority = CaFiles.Make(_root);
        return await Running.StartAsync(
            folder =>
            {
                folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
                folder.Write("ca.pem", authority.CertificatePem);
                folder.Write("key.pem", authority.KeyPem);
                File.SetUnixFileMode(folder.File("key.pem"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
                folder.Write("roots.pem", _root.CertificatePem);
                list = folder.File("a.crl");
                File.WriteAllBytes(list, Crls.Make(_root, []));
                files = new(folder.File("ca.pem"), folder.File("key.pem"), folder.File("roots.pem"));
            },
            options => options with { Upstream = files, RevocationLists = [list] });
    }
}
