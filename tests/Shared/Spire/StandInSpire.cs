using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.SpireApi;
using Culvert.Protocol.SpireTypes;
using Culvert.Protocol.WorkloadApi;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Bundle = Culvert.Protocol.SpireTypes.Bundle;
using Entry = Culvert.Protocol.SpireApi.Entry;
using JWTSVID = Culvert.Protocol.SpireTypes.JWTSVID;
using X509Certificate = Culvert.Protocol.SpireTypes.X509Certificate;
using X509SVID = Culvert.Protocol.SpireTypes.X509SVID;

namespace Culvert.Tests.Shared.Spire;

/// <summary>
/// Stands in for a SPIRE server and an agent: the methods that Culvert calls, on their own sockets and, of the server, over TLS, with the answers, codes and texts that a real one gave. One trust domain.
/// </summary>
internal sealed class StandInSpire : IAsyncDisposable
{
    public const string TrustDomain = "demo.culvert";
    private const string Controller = $"spiffe://{TrustDomain}/ns/culvert-system/sa/culvert-controller";
    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromHours(1);

    private readonly ConcurrentBag<SpireAuthority> _made = [];
    private readonly ConcurrentDictionary<string, bool> _admins = new(StringComparer.Ordinal);
    private readonly ECDsa _jwtKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly WebApplication _app;
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-spire-").FullName;
    private int _sequence = 1;
    private int _unsigned;
    private int _certified;
    private int _signing;
    private int _mostSigning;
    private volatile Authorities _authorities;
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private StandInSpire(string serverId)
    {
        _authorities = new([Make(null)], 0);
        Entries = new(this);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // As a real one, which does not look at it.
            kestrel.AllowAlternateSchemes = true;
            kestrel.ListenUnixSocket(ServerSocket, o => o.Protocols = HttpProtocols.Http2);
            kestrel.ListenUnixSocket(AgentSocket, o => o.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, 0, o =>
            {
                o.Protocols = HttpProtocols.Http2;
                o.UseHttps(Tls(serverId));
            });
        });
        builder.Services.AddGrpc();
        _app = builder.Build();
        _app.MapGrpcService(SVID.BindService(new Svids(this)));
        _app.MapGrpcService(Culvert.Protocol.SpireApi.Bundle.BindService(new Bundles(this)));
        _app.MapGrpcService(Entry.BindService(Entries));
        _app.MapGrpcService(SpiffeWorkloadAPI.BindService(new Workloads(this)));
    }

    public string ServerSocket => Path.Combine(_folder, "server.sock");

    public string AgentSocket => Path.Combine(_folder, "agent.sock");

    public int Port { get; private set; }

    /// <summary>How many calls to sign were under way at once, at most.</summary>
    public int MostSigning => Volatile.Read(ref _mostSigning);

    /// <summary>What is awaited before something is signed; null: nothing.</summary>
    public Task? Hold { get; set; }

    /// <summary>What a call ends with in place of its answer, by method; null: it is answered.</summary>
    public Func<string, Status?> Fault { get; set; } = _ => null;

    /// <summary>Whether the agent gives this process an identity.</summary>
    public bool HasEntry { get; set; } = true;

    /// <summary>The socket's owner may do all, and an admin may do the same.</summary>
    public bool IsAdmin
    {
        get => _admins.ContainsKey(Controller);
        set
        {
            if (value) _admins[Controller] = true;
            else _admins.TryRemove(Controller, out _);
        }
    }

    /// <summary>Whether an authority is certified for whoever shows the controller's identity, over TLS only.</summary>
    public bool IsDownstream { get; set; }

    /// <summary>How many authorities it has certified.</summary>
    public int Certified => Volatile.Read(ref _certified);

    /// <summary>Changes a certificate before it is answered.</summary>
    public Func<X509SVID, X509SVID> Answer { get; set; } = svid => svid;

    /// <summary>The name of the key that signs tokens, and, in the bundle, of the only one there is.</summary>
    public string JwtKeyId { get; set; } = "jwt-1";

    /// <summary>Changes a token before it is answered.</summary>
    public Func<JWTSVID, JWTSVID> AnswerToken { get; set; } = svid => svid;

    /// <summary>Whose bundle it says to have.</summary>
    public string BundleOf { get; set; } = TrustDomain;

    /// <summary>How often it has not signed what it was asked to, as <see cref="Fault"/> says.</summary>
    public int Unsigned => Volatile.Read(ref _unsigned);

    public IReadOnlyList<X509Certificate2> Roots => [.. _authorities.All.Select(a => a.Certificate)];

    /// <summary>The server's entries.</summary>
    public StandInEntries Entries { get; }

    /// <summary>The trust domains whose bundles the server has beside its own.</summary>
    public ConcurrentDictionary<string, bool> FederatedBundles { get; } = new(StringComparer.Ordinal);

    /// <summary>Starts the server and the agent.</summary>
    /// <param name="serverId">Whom the server shows itself as.</param>
    public static async Task<StandInSpire> StartAsync(string serverId = $"spiffe://{TrustDomain}/spire/server")
    {
        StandInSpire spire = new(serverId);
        await spire._app.StartAsync();
        spire.Port = new Uri(spire._app.Urls.First(u => u.StartsWith("https", StringComparison.Ordinal))).Port;
        return spire;
    }

    /// <summary>A certificate of an hour, as of an entry.</summary>
    public X509Certificate2 Sign(ECDsa key, SpiffeId id) => _authorities.Signing.Sign(new PublicKey(key), id.ToString(), [], DefaultLifetime);

    /// <summary>Another authority, which is in the bundle and does not sign yet.</summary>
    public void Prepare(TimeSpan? lifetime = null) => Change(a => a with { All = a.All.Add(Make(lifetime)) });

    /// <summary>The newest authority signs; it tells nobody.</summary>
    public void Activate() => _authorities = _authorities with { Active = _authorities.All.Count - 1 };

    /// <summary>The oldest authority is not to be trusted for long any more.</summary>
    public void Taint() => Change(a => a with { IsOldestTainted = true });

    /// <summary>The oldest authority leaves the bundle.</summary>
    public void Revoke() => Change(a => new(a.All.RemoveAt(0), a.Active - 1));

    /// <summary>The number rises, and nothing else is new.</summary>
    public void Recount() => Interlocked.Increment(ref _sequence);

    public async ValueTask DisposeAsync()
    {
        // Streams of the Workload API never end by themselves.
        using CancellationTokenSource now = new();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        foreach (SpireAuthority authority in _made) authority.Dispose();
        _jwtKey.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private SpireAuthority Make(TimeSpan? lifetime)
    {
        SpireAuthority made = new(TrustDomain, lifetime);
        _made.Add(made);
        return made;
    }

    private void Change(Func<Authorities, Authorities> change)
    {
        _authorities = change(_authorities);
        Interlocked.Increment(ref _sequence);
        TaskCompletionSource before = _changed;
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        before.TrySetResult();
    }

    private X509Certificate2 Certify(ECDsa key, string id)
    {
        using X509Certificate2 leaf = _authorities.Signing.Sign(new CertificateRequest("", key, HashAlgorithmName.SHA256).PublicKey, id, [], DefaultLifetime);
        return leaf.CopyWithPrivateKey(key);
    }

    private HttpsConnectionAdapterOptions Tls(string serverId)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new()
        {
            ServerCertificate = Certify(key, serverId),
            SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateMode = ClientCertificateMode.AllowCertificate,
            // What is refused ends the connection, by an alert.
            ClientCertificateValidation = (certificate, _, _) => Verifies(certificate),
        };
    }

    private bool Verifies(X509Certificate2 certificate)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        foreach (X509Certificate2 root in Roots) chain.ChainPolicy.CustomTrustStore.Add(root);
        return chain.Build(certificate) && SvidReader.TryRead(certificate, out SpiffeId? id) && id.TrustDomain == TrustDomain;
    }

    /// <summary>Looked at with each call: an admin that is none any more may do nothing, on a connection that is open as well.</summary>
    internal void Authorize(ServerCallContext context, bool isForAdmins)
    {
        if (Fault(context.Method) is { } fault)
        {
            if (context.Method.EndsWith("MintX509SVID", StringComparison.Ordinal)) Interlocked.Increment(ref _unsigned);
            throw new RpcException(fault);
        }
        HttpContextOf(context, out X509Certificate2? certificate, out bool isLocal);
        if (!isForAdmins || isLocal || (certificate is not null && SvidReader.TryRead(certificate, out SpiffeId? id) && _admins.ContainsKey(id.ToString()))) return;
        throw new RpcException(new Status(StatusCode.PermissionDenied, $"authorization denied for method {context.Method}"));
    }

    private static void HttpContextOf(ServerCallContext context, out X509Certificate2? certificate, out bool isLocal)
    {
        Microsoft.AspNetCore.Http.HttpContext http = context.GetHttpContext();
        (certificate, isLocal) = (http.Connection.ClientCertificate, http.Connection.RemoteIpAddress is null);
    }

    private static RpcException Invalid(string message) => new(new Status(StatusCode.InvalidArgument, message));

    /// <param name="All">Those of the bundle, oldest first.</param>
    /// <param name="Active">Which of them signs.</param>
    private sealed record Authorities(ImmutableList<SpireAuthority> All, int Active)
    {
        public bool IsOldestTainted { get; init; }

        public SpireAuthority Signing => All[Active];
    }

    private sealed class Svids(StandInSpire spire) : SVID.SVIDBase
    {
        public override Task<NewDownstreamX509CAResponse> NewDownstreamX509CA(NewDownstreamX509CARequest request, ServerCallContext context)
        {
            spire.Authorize(context, isForAdmins: false);
            HttpContextOf(context, out X509Certificate2? certificate, out bool isLocal);
            if (isLocal || certificate is null || !spire.IsDownstream) throw new RpcException(new Status(StatusCode.PermissionDenied, $"authorization denied for method {context.Method}"));
            PublicKey key = CertificateRequest.LoadSigningRequest(request.Csr.ToByteArray(), HashAlgorithmName.SHA256).PublicKey;
            using X509Certificate2 authority = spire._authorities.Signing.Certify(key, TrustDomain, request.PreferredTtl > 0 ? TimeSpan.FromSeconds(request.PreferredTtl) : null);
            Interlocked.Increment(ref spire._certified);
            return Task.FromResult(new NewDownstreamX509CAResponse
            {
                CaCertChain = { ByteString.CopyFrom(authority.RawData) },
                X509Authorities = { spire.Roots.Select(r => ByteString.CopyFrom(r.RawData)) },
            });
        }

        public override async Task<MintX509SVIDResponse> MintX509SVID(MintX509SVIDRequest request, ServerCallContext context)
        {
            spire.Authorize(context, isForAdmins: true);
            int signing = Interlocked.Increment(ref spire._signing);
            InterlockedMax(ref spire._mostSigning, signing);
            try
            {
                if (spire.Hold is { } hold) await hold.WaitAsync(context.CancellationToken);
                return new() { Svid = spire.Answer(Mint(request)) };
            }
            finally
            {
                Interlocked.Decrement(ref spire._signing);
            }
        }

        public override Task<MintJWTSVIDResponse> MintJWTSVID(MintJWTSVIDRequest request, ServerCallContext context)
        {
            spire.Authorize(context, isForAdmins: true);
            if (request.Audience.Count == 0) throw Invalid("at least one audience is required");
            string id = $"spiffe://{request.Id.TrustDomain}{request.Id.Path}";
            long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds(), end = now + (request.Ttl > 0 ? request.Ttl : 300);
            string names = string.Join("\",\"", request.Audience);
            string signed = $"{Encode($$"""{"alg":"ES256","kid":"{{spire.JwtKeyId}}","typ":"JWT"}""")}.{Encode($$"""{"aud":["{{names}}"],"exp":{{end}},"iat":{{now}},"sub":"{{id}}"}""")}";
            byte[] signature = spire._jwtKey.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            JWTSVID svid = new() { Token = $"{signed}.{Base64Url.EncodeToString(signature)}", Id = request.Id, IssuedAt = now, ExpiresAt = end };
            return Task.FromResult(new MintJWTSVIDResponse { Svid = spire.AnswerToken(svid) });

            static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
        }

        private X509SVID Mint(MintX509SVIDRequest request)
        {
            if (request.Csr.IsEmpty) throw Invalid("missing CSR");
            CertificateRequest csr;
            try
            {
                csr = CertificateRequest.LoadSigningRequest(request.Csr.ToByteArray(), HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
            }
            catch (CryptographicException)
            {
                throw Invalid("failed to verify CSR signature: x509: ECDSA verification failure");
            }
            (List<string> uris, List<string> names) = NamesOf(csr);
            if (uris.Count == 0) throw Invalid("CSR URI SAN is required");
            if (uris.Count > 1) throw Invalid("only one URI SAN is expected");
            if (!SpiffeId.TryParse(uris[0], out SpiffeId? id)) throw Invalid("CSR URI SAN is invalid: scheme is missing or invalid");
            if (id.TrustDomain != TrustDomain) throw Invalid($"CSR URI SAN is invalid: \"{id}\" is not a member of trust domain \"{TrustDomain}\"");
            if (id.Path.Length == 0) throw Invalid($"CSR URI SAN is invalid: \"{id}\" is not a workload in trust domain \"{TrustDomain}\"; path is empty");
            if (id.Path == "/spire" || id.Path.StartsWith("/spire/", StringComparison.Ordinal))
                throw Invalid($"CSR URI SAN is invalid: \"{id}\" is not a workload in trust domain \"{TrustDomain}\"; path is in the reserved namespace");
            using X509Certificate2 leaf = spire._authorities.Signing.Sign(csr.PublicKey, id.ToString(), names, request.Ttl > 0 ? TimeSpan.FromSeconds(request.Ttl) : DefaultLifetime);
            return new()
            {
                Id = new() { TrustDomain = id.TrustDomain, Path = id.Path },
                CertChain = { ByteString.CopyFrom(leaf.RawData) },
                ExpiresAt = new DateTimeOffset(leaf.NotAfter.ToUniversalTime()).ToUnixTimeSeconds(),
            };
        }

        private static (List<string> Uris, List<string> Names) NamesOf(CertificateRequest csr)
        {
            List<string> uris = [], names = [];
            foreach (X509Extension extension in csr.CertificateExtensions.Where(e => e.Oid?.Value == "2.5.29.17"))
            {
                AsnReader all = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
                while (all.HasData)
                {
                    Asn1Tag tag = all.PeekTag();
                    if (tag.TagValue is 2 or 6) (tag.TagValue == 6 ? uris : names).Add(all.ReadCharacterString(UniversalTagNumber.IA5String, new Asn1Tag(TagClass.ContextSpecific, tag.TagValue)));
                    else all.ReadEncodedValue();
                }
            }
            return (uris, names);
        }

        private static void InterlockedMax(ref int most, int value)
        {
            for (int seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most)) Interlocked.CompareExchange(ref most, value, seen);
        }
    }

    private sealed class Bundles(StandInSpire spire) : Culvert.Protocol.SpireApi.Bundle.BundleBase
    {
        public override Task<Bundle> GetBundle(GetBundleRequest request, ServerCallContext context)
        {
            spire.Authorize(context, isForAdmins: false);
            Bundle bundle = new() { TrustDomain = spire.BundleOf };
            if (request.OutputMask is null or { X509Authorities: true })
                bundle.X509Authorities.AddRange(spire.Roots.Select((r, i) => new X509Certificate { Asn1 = ByteString.CopyFrom(r.RawData), Tainted = i == 0 && spire._authorities.IsOldestTainted }));
            if (request.OutputMask is null or { JwtAuthorities: true })
                bundle.JwtAuthorities.Add(new JWTKey { KeyId = spire.JwtKeyId, PublicKey = ByteString.CopyFrom(spire._jwtKey.ExportSubjectPublicKeyInfo()), ExpiresAt = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds() });
            if (request.OutputMask is null or { SequenceNumber: true }) bundle.SequenceNumber = (ulong)spire._sequence;
            return Task.FromResult(bundle);
        }

        public override Task<CountBundlesResponse> CountBundles(CountBundlesRequest request, ServerCallContext context)
        {
            spire.Authorize(context, isForAdmins: true);
            return Task.FromResult(new CountBundlesResponse { Count = 1 });
        }

        public override Task<Bundle> GetFederatedBundle(GetFederatedBundleRequest request, ServerCallContext context)
        {
            spire.Authorize(context, isForAdmins: true);
            if (request.TrustDomain == TrustDomain) throw Invalid("getting a federated bundle for the server's own trust domain is not allowed");
            if (!spire.FederatedBundles.ContainsKey(request.TrustDomain)) throw new RpcException(new Status(StatusCode.NotFound, "bundle not found"));
            return Task.FromResult(new Bundle { TrustDomain = request.TrustDomain });
        }
    }

    private sealed class Workloads(StandInSpire spire) : SpiffeWorkloadAPI.SpiffeWorkloadAPIBase
    {
        public override async Task FetchX509SVID(X509SVIDRequest request, IServerStreamWriter<X509SVIDResponse> responseStream, ServerCallContext context)
        {
            if (context.RequestHeaders.Where(h => h.Key == "workload.spiffe.io").Select(h => h.Value).ToArray() is not ["true"]) throw Invalid("security header missing from request");
            while (true)
            {
                if (!spire.HasEntry) throw new RpcException(new Status(StatusCode.PermissionDenied, "no identity issued"));
                Task changed = spire._changed.Task;
                await responseStream.WriteAsync(Identity());
                await changed.WaitAsync(context.CancellationToken);
            }
        }

        private X509SVIDResponse Identity()
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using X509Certificate2 leaf = spire.Certify(key, Controller);
            byte[] roots = [.. spire.Roots.SelectMany(r => r.RawData)];
            return new()
            {
                Svids =
                {
                    new Culvert.Protocol.WorkloadApi.X509SVID
                    {
                        SpiffeId = Controller, X509Svid = ByteString.CopyFrom(leaf.RawData), X509SvidKey = ByteString.CopyFrom(key.ExportPkcs8PrivateKey()), Bundle = ByteString.CopyFrom(roots),
                    },
                },
            };
        }
    }
}
