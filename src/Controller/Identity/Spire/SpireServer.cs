using Culvert.Core;
using Culvert.GrpcHosting;
using Culvert.Protocol;
using Culvert.Protocol.Spiffe;
using Culvert.Protocol.SpireApi;
using Culvert.Protocol.SpireTypes;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Spire;

/// <summary>A SPIRE server as it is called. Failures come as <see cref="AuthorityException"/>, with what to do. Safe for any number of threads.</summary>
internal sealed partial class SpireServer : IAsyncDisposable
{
    private const string ServerPath = "/spire/server";

    /// <summary>A server with its built-in key manager has stopped signing for ever with 512 calls at once, and never with 384.</summary>
    private const int MostSigning = 64;

    /// <summary>Beside these: tokens are not to take the places of certificates, without which nobody can connect.</summary>
    private const int MostSigningJwts = 8;

    // A connection whose peer is gone without a word answers no call any more, and is not told from a slow one.
    private static readonly TimeSpan LongestConnection = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan OverloadRetry = TimeSpan.FromSeconds(2);

    // Once a minute ends the connection at the fourth PING; what does not answer is known by the deadlines.
    private static readonly TimeSpan NoPings = Timeout.InfiniteTimeSpan;

    private readonly SpireOptions _options;
    private readonly TimeProvider _time;
    private readonly X509Source? _own;
    private readonly GrpcChannel _channel;
    private readonly SemaphoreSlim _signing = new(MostSigning - 1);
    private readonly SemaphoreSlim _signingOwn = new(1);
    private readonly SemaphoreSlim _signingJwts = new(MostSigningJwts);

    /// <summary>Does not connect yet.</summary>
    public SpireServer(SpireOptions options, TimeProvider time, ILogger logger)
    {
        (_options, _time) = (options, time);
        if (options.Socket is { } socket)
        {
            _channel = socket.OpenChannel();
            return;
        }
        SpiffeEndpoint workloadApi = options.WorkloadApi ?? throw new ArgumentException("A SPIRE server's address is given without a Workload API to show an identity of.", nameof(options));
        Uri address = options.Address ?? throw new ArgumentException("Neither a socket nor an address of a SPIRE server is given.", nameof(options));
        _own = new(workloadApi, time, reason => SpireLog.NoIdentity(logger, reason));
        SocketsHttpHandler handler = GrpcSocketsHandler.Create();
        handler.KeepAlivePingDelay = NoPings;
        handler.PooledConnectionLifetime = LongestConnection;
        SpiffeTls.ConnectBy(handler, new()
        {
            Roots = () => _own.Current?.Roots ?? [],
            Identity = () => _own.Current?.Certificate,
            IsServer = id => id.Path == ServerPath && id.TrustDomain == _own.Current?.Id.TrustDomain,
            Refusal = $"the certificate at {address.Authority} is not that of the SPIRE server of this process's trust domain; check --spire-server, the clock, and that the Workload API is of the same SPIRE",
            Time = time,
        });
        _channel = GrpcChannel.ForAddress(new UriBuilder(address) { Scheme = Uri.UriSchemeHttp, Port = address.Port }.Uri, new() { HttpHandler = handler, DisposeHttpClient = true });
    }

    /// <summary>Where it is, as it was given.</summary>
    public string Place => _options.Socket?.ToString() ?? _options.Address!.Authority;

    /// <summary>The bundle of its trust domain.</summary>
    public Task<Protocol.SpireTypes.Bundle> GetBundleAsync(CancellationToken cancellationToken)
    {
        GetBundleRequest request = new() { OutputMask = new() { X509Authorities = true, JwtAuthorities = true, SequenceNumber = true } };
        return CallAsync("GetBundle", options => new Protocol.SpireApi.Bundle.BundleClient(_channel.CreateCallInvoker()).GetBundleAsync(request, options), cancellationToken);
    }

    /// <summary>Makes sure that the server takes this process for an admin: it answers what only admins may ask and costs nothing.</summary>
    public Task RequireAdminAsync(CancellationToken cancellationToken) =>
        CallAsync("CountBundles", options => new Protocol.SpireApi.Bundle.BundleClient(_channel.CreateCallInvoker()).CountBundlesAsync(new(), options), cancellationToken);

    /// <summary>Has a request signed as it is.</summary>
    /// <param name="csr">PKCS#10 in DER.</param>
    /// <param name="lifetime">Whole seconds count; it may be cut.</param>
    /// <param name="isOwn">Whether it is for the controller's own certificate, which does not wait behind those of nodes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<X509SVID> MintAsync(ReadOnlyMemory<byte> csr, TimeSpan lifetime, bool isOwn, CancellationToken cancellationToken)
    {
        MintX509SVIDRequest request = new() { Csr = ByteString.CopyFrom(csr.Span), Ttl = Seconds(lifetime) };
        MintX509SVIDResponse response = await SignAsync(
            isOwn ? _signingOwn : _signing, $"{MostSigning - 1} certificates", by => CallAsync("MintX509SVID", by, options => new SVID.SVIDClient(_channel.CreateCallInvoker()).MintX509SVIDAsync(request, options), cancellationToken), cancellationToken);
        return response.Svid ?? throw new AuthorityException(AuthorityFailure.Unavailable, $"The SPIRE server at {Place} answered MintX509SVID without a certificate.");
    }

    /// <summary>Has a token signed.</summary>
    /// <param name="identity">Whose.</param>
    /// <param name="audience">For whom it is meant.</param>
    /// <param name="lifetime">Whole seconds count; it may be cut.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<JWTSVID> MintJwtAsync(SpiffeId identity, IReadOnlyList<string> audience, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        MintJWTSVIDRequest request = new() { Id = new() { TrustDomain = identity.TrustDomain, Path = identity.Path }, Audience = { audience }, Ttl = Seconds(lifetime) };
        MintJWTSVIDResponse response = await SignAsync(
            _signingJwts, $"{MostSigningJwts} tokens", by => CallAsync("MintJWTSVID", by, options => new SVID.SVIDClient(_channel.CreateCallInvoker()).MintJWTSVIDAsync(request, options), cancellationToken), cancellationToken);
        return response.Svid ?? throw new AuthorityException(AuthorityFailure.Unavailable, $"The SPIRE server at {Place} answered MintJWTSVID without a token.");
    }

    // The wait for a place is of the time that the call has, and leaves it half.
    private async Task<T> SignAsync<T>(SemaphoreSlim places, string all, Func<DateTimeOffset, Task<T>> sign, CancellationToken cancellationToken)
    {
        DateTimeOffset by = _time.GetUtcNow() + _options.Deadline;
        TimeSpan longestWait = _options.Deadline / 2;
        if (!await places.WaitAsync(longestWait, cancellationToken))
        {
            throw new AuthorityException(AuthorityFailure.Overloaded, $"The SPIRE server at {Place} has {all} to sign already, which takes it more than {longestWait.TotalSeconds} s.")
            {
                RetryAfter = OverloadRetry,
            };
        }
        try
        {
            return await sign(by);
        }
        finally
        {
            places.Release();
        }
    }

    /// <summary>Has an authority below the server's certified. Of the request only the key counts.</summary>
    /// <param name="csr">PKCS#10 in DER.</param>
    /// <param name="lifetime">Whole seconds count; it may be cut.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<NewDownstreamX509CAResponse> NewDownstreamAsync(ReadOnlyMemory<byte> csr, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        NewDownstreamX509CARequest request = new() { Csr = ByteString.CopyFrom(csr.Span), PreferredTtl = Seconds(lifetime) };
        return CallAsync("NewDownstreamX509CA", options => new SVID.SVIDClient(_channel.CreateCallInvoker()).NewDownstreamX509CAAsync(request, options), cancellationToken);
    }

    /// <summary>Ends what is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        if (_own is not null) await _own.DisposeAsync();
        _signing.Dispose();
        _signingOwn.Dispose();
        _signingJwts.Dispose();
    }

    private Task<T> CallAsync<T>(string method, Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken) => CallAsync(method, _time.GetUtcNow() + _options.Deadline, call, cancellationToken);

    private async Task<T> CallAsync<T>(string method, DateTimeOffset by, Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken)
    {
        if (_own is { Current: null }) throw NoIdentity();
        try
        {
            using AsyncUnaryCall<T> running = call(new CallOptions(deadline: by.UtcDateTime, cancellationToken: cancellationToken));
            return await running.ResponseAsync;
        }
        catch (RpcException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw SpireFailure.Of(e, method, Place, _own?.Current?.Id);
        }
        catch (RpcException e)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
    }

    private static int Seconds(TimeSpan lifetime) => (int)Math.Clamp(lifetime.TotalSeconds, 1, int.MaxValue);

    private AuthorityException NoIdentity() => new(
        AuthorityFailure.Unavailable, $"The SPIRE server at {Place} is not asked, as this process has no identity to show: {_own!.WhyNone}.");
}
