using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol.SpireAgentApi;
using Culvert.Protocol.SpireTypes;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Culvert.Tests.Shared.Spire;

/// <summary>
/// Stands in for a SPIRE agent with the Delegated Identity API on its admin socket: the answers, their order, codes and texts are those that a real one gave. What has been made known it tells as a whole, with a key and a certificate for
/// each entry that live until a test has others made. Not running before <see cref="StartAsync"/>; a restart gives all other keys.
/// </summary>
internal sealed class StandInSpireAgent(string trustDomain) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-spire-agent-").FullName;
    private readonly List<SpireAuthority> _authorities = [new(trustDomain)];
    private readonly List<SpireAuthority> _gone = [];
    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly List<(Func<bool> Holds, TaskCompletionSource Reached)> _waiting = [];
    private WebApplication? _app;
    private TaskCompletionSource _changed = NewSignal();
    private int _subscribed;
    private int _refused;
    private int _open;

    public string TrustDomain => trustDomain;

    public string Socket => Path.Combine(_folder, "admin.sock");

    /// <summary>The roots of the own trust domain.</summary>
    public IReadOnlyList<X509Certificate2> Roots
    {
        get
        {
            lock (_lock) return [.. _authorities.Select(a => a.Certificate)];
        }
    }

    /// <summary>Whether the caller has an entry of its own.</summary>
    public bool HasIdentity { get; set; } = true;

    /// <summary>Whether the caller is among the authorized delegates.</summary>
    public bool IsDelegate { get; set; } = true;

    /// <summary>Whether the socket is another API's.</summary>
    public bool IsOtherSocket { get; init; }

    /// <summary>Whether bundles are named by trust domain alone, as the proto says, and not as SPIRE names them.</summary>
    public bool NamesBundlesBare { get; init; }

    /// <summary>Changes an answer before it is given.</summary>
    public Func<SubscribeToX509BundlesResponse, SubscribeToX509BundlesResponse> Bundles { get; set; } = b => b;

    /// <summary>Changes a certificate before it is told.</summary>
    public Func<X509SVIDWithKey, X509SVIDWithKey> Svids { get; set; } = s => s;

    /// <summary>The selectors that were asked for last.</summary>
    public IReadOnlyList<string> Asked { get; private set; } = [];

    /// <summary>How many streams of certificates are open.</summary>
    public int OpenStreams => Volatile.Read(ref _open);

    /// <summary>Begins to serve; after a stop, with other keys for all.</summary>
    public async Task StartAsync()
    {
        File.Delete(Socket);
        Directory.CreateDirectory(_folder);
        lock (_lock)
        {
            foreach (Entry entry in _entries.Values) Certify(entry);
        }
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(Socket, o => o.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        WebApplication app = builder.Build();
        app.MapGrpcService(DelegatedIdentity.BindService(new Service(this)));
        _app = app;
        await app.StartAsync();
    }

    /// <summary>Ends at once, with all its connections, as by SIGKILL; the socket goes as by SIGTERM.</summary>
    public async Task StopAsync()
    {
        if (_app is not { } app) return;
        _app = null;
        using CancellationTokenSource now = new();
        await now.CancelAsync();
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
        File.Delete(Socket);
    }

    /// <summary>Registers an identity: an entry matches where all of its selectors are asked for. What it matches is told twice within an instant, first without it.</summary>
    /// <param name="id">The entry's ID, by which certificates are in order.</param>
    /// <param name="spiffeId">Whose it is.</param>
    /// <param name="selectors">What it matches.</param>
    public void Register(string id, string spiffeId, params string[] selectors)
    {
        Change(() => { });
        Change(() =>
        {
            Entry entry = new(spiffeId, selectors);
            Certify(entry);
            _entries[id] = entry;
        });
    }

    /// <summary>Removes an entry.</summary>
    public void Remove(string id) => Change(() => _entries.Remove(id));

    /// <summary>Another key and certificate for an entry.</summary>
    /// <param name="id">The entry.</param>
    /// <param name="lifetime">How long it lives; null: an hour.</param>
    public void Renew(string id, TimeSpan? lifetime = null) => Change(() => Certify(_entries[id], lifetime));

    /// <summary>What was told of an entry last, in DER.</summary>
    public byte[] CertificateOf(string id)
    {
        lock (_lock) return _entries[id].Certificate;
    }

    /// <summary>The key of it, in PKCS#8.</summary>
    public byte[] KeyOf(string id)
    {
        lock (_lock) return _entries[id].Key;
    }

    /// <summary>Tells all again what they know.</summary>
    public void Repeat() => Change(() => { });

    /// <summary>Another authority, which is in the bundle and signs from now on.</summary>
    public void PrepareAndActivate() => Change(() => _authorities.Add(new(trustDomain)));

    /// <summary>The oldest authority leaves the bundle.</summary>
    public void RevokeAuthority() => Change(() =>
    {
        _gone.Add(_authorities[0]);
        _authorities.RemoveAt(0);
    });

    /// <summary>Waits until so many streams of certificates were begun.</summary>
    public Task SubscribedAsync(int count) => WhenAsync(() => _subscribed >= count);

    /// <summary>Waits until so many calls were refused.</summary>
    public Task RefusedAsync(int count) => WhenAsync(() => _refused >= count);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        foreach (SpireAuthority authority in _authorities.Concat(_gone)) authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Task WhenAsync(Func<bool> holds)
    {
        TaskCompletionSource reached = NewSignal();
        lock (_lock)
        {
            if (holds()) reached.SetResult();
            else _waiting.Add((holds, reached));
        }
        return reached.Task;
    }

    private void Change(Action change)
    {
        TaskCompletionSource before;
        lock (_lock)
        {
            change();
            (before, _changed) = (_changed, NewSignal());
        }
        before.SetResult();
    }

    private void Count(ref int counter)
    {
        lock (_lock)
        {
            counter++;
            foreach ((_, TaskCompletionSource reached) in _waiting.Where(w => w.Holds())) reached.TrySetResult();
            _waiting.RemoveAll(w => w.Reached.Task.IsCompleted);
        }
    }

    private void Certify(Entry entry, TimeSpan? lifetime = null)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 leaf = _authorities[^1].Sign(new PublicKey(key), entry.SpiffeId, [], lifetime ?? TimeSpan.FromHours(1));
        (entry.Certificate, entry.Key) = (leaf.RawData, key.ExportPkcs8PrivateKey());
    }

    private void Authorize()
    {
        if (IsOtherSocket) throw new RpcException(new Status(StatusCode.Unimplemented, "unknown service spire.api.agent.delegatedidentity.v1.DelegatedIdentity"));
        if (HasIdentity && IsDelegate) return;
        Count(ref _refused);
        throw new RpcException(new Status(StatusCode.PermissionDenied, HasIdentity ? "caller not configured as an authorized delegate" : "no identity issued"));
    }

    private sealed class Entry(string spiffeId, string[] selectors)
    {
        public string SpiffeId => spiffeId;

        public string[] Selectors => selectors;

        public byte[] Certificate { get; set; } = [];

        public byte[] Key { get; set; } = [];
    }

    private sealed class Service(StandInSpireAgent agent) : DelegatedIdentity.DelegatedIdentityBase
    {
        public override async Task SubscribeToX509SVIDs(SubscribeToX509SVIDsRequest request, IServerStreamWriter<SubscribeToX509SVIDsResponse> responseStream, ServerCallContext context)
        {
            agent.Authorize();
            if (request.Selectors.Count > 0 == (request.Pid != 0)) throw new RpcException(new Status(StatusCode.InvalidArgument, "must provide either selectors or non-zero PID, but not both"));
            if (request.Selectors.Any(s => s.Type.Length == 0 || s.Type.Contains(':', StringComparison.Ordinal))) throw new RpcException(new Status(StatusCode.InvalidArgument, "could not parse provided selectors"));
            HashSet<string> given = [.. request.Selectors.Select(s => $"{s.Type}:{s.Value}")];
            agent.Asked = [.. given];
            Interlocked.Increment(ref agent._open);
            try
            {
                for (bool isFirst = true; ; isFirst = false)
                {
                    SubscribeToX509SVIDsResponse answer = new();
                    Task changed;
                    lock (agent._lock)
                    {
                        changed = agent._changed.Task;
                        answer.X509Svids.AddRange(agent._entries.Values.Where(e => given.IsSupersetOf(e.Selectors)).Select(e => agent.Svids(Tell(e))));
                    }
                    await responseStream.WriteAsync(answer);
                    if (isFirst) agent.Count(ref agent._subscribed);
                    await changed.WaitAsync(context.CancellationToken);
                }
            }
            finally
            {
                Interlocked.Decrement(ref agent._open);
            }
        }

        public override async Task SubscribeToX509Bundles(SubscribeToX509BundlesRequest request, IServerStreamWriter<SubscribeToX509BundlesResponse> responseStream, ServerCallContext context)
        {
            agent.Authorize();
            while (true)
            {
                SubscribeToX509BundlesResponse answer = new();
                Task changed;
                lock (agent._lock)
                {
                    changed = agent._changed.Task;
                    answer.CaCertificates.Add(agent.NamesBundlesBare ? agent.TrustDomain : $"spiffe://{agent.TrustDomain}", ByteString.CopyFrom([.. agent._authorities.SelectMany(a => a.Certificate.RawData)]));
                }
                await responseStream.WriteAsync(agent.Bundles(answer));
                await changed.WaitAsync(context.CancellationToken);
            }
        }

        private static X509SVIDWithKey Tell(Entry entry)
        {
            Uri id = new(entry.SpiffeId);
            return new()
            {
                X509Svid = new X509SVID { Id = new() { TrustDomain = id.Host, Path = id.AbsolutePath }, CertChain = { ByteString.CopyFrom(entry.Certificate) } },
                X509SvidKey = ByteString.CopyFrom(entry.Key),
            };
        }
    }
}
