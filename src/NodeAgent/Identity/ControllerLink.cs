using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.NodeAgent.Identity.Spire;
using Culvert.NodeAgent.Options;
using Culvert.Protocol;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// The way to the controller: a Unix socket, or TLS where the server must be the controller of a known root and the agent shows its node
/// certificate. Joins with the token when there is no usable node certificate. Safe for concurrent callers.
/// </summary>
/// <remarks>
/// The roots of the trust bundle are the only ones once there is a bundle: whoever has stolen a root that was replaced must not be the controller for ever to
/// agents that were once started with it. An agent that was away until its root was gone can still verify the controller, whose chain leads from each root to its successor
/// for some time, and has the controller renew its certificate, which that does for as long, even when it has expired.
/// Where SPIRE gives the node its certificate, it says the roots as well, and neither a token nor a bundle of the controller's has a say.
/// </remarks>
internal sealed class ControllerLink : IDisposable
{
    // Between attempts to renew while there is nothing to renew yet.
    private const int SlowRetry = 6;
    private const string BySpire = "SPIRE renews the node's certificate by itself";
    private const string NotInTime = "no answer came in time";
    private static readonly TimeSpan LeastWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    private readonly NodeCredentials _credentials;
    private readonly SpireNodeIdentity? _spire;
    private readonly TimeProvider _time;
    private readonly ReadOnlyMemory<byte>[] _bootstrapRoots;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly ILogger _logger;
    private volatile bool _refused;
    private volatile TrustBundle _bundle = TrustBundle.Empty;
    private volatile GrpcChannel? _channel;
    private volatile TaskCompletionSource _renewNow = NewSignal();
    private string? _channelThumbprint;
    private DateTimeOffset _renewNotBefore;

    /// <exception cref="AgentStartException">The bootstrap roots can't be read.</exception>
    internal ControllerLink(Uri address, string node, string? bootstrapRootsFile, NodeCredentials credentials, TimeProvider time, ILogger logger, SpireNodeIdentity? spire = null)
    {
        (Address, _credentials, _time, _logger, _spire) = (address, credentials, time, logger, spire);
        Headers = address.Scheme == "unix" ? ControllerChannel.ForNode(node) : null;
        _bootstrapRoots = bootstrapRootsFile is null ? [] : StartStep.Run(
            $"--bootstrap-roots {bootstrapRootsFile}", "give a PEM file with the controller's root certificates, roots.pem of its state folder", () => ReadRoots(bootstrapRootsFile));
    }

    /// <summary>Where the controller is.</summary>
    internal Uri Address { get; }

    /// <summary>Headers that every call must carry; null: none.</summary>
    internal Metadata? Headers { get; }

    /// <summary>Roots from the snapshot in force: from now on they, and not the bootstrap roots, say who the controller is.</summary>
    internal void SetBundle(TrustBundle bundle) => _bundle = bundle;

    /// <summary>Has the node's certificate renewed now where it is revoked, or one above it is.</summary>
    internal void Revoke(RevokedCredentials revoked)
    {
        if (_credentials.Revoke(revoked)) _renewNow.TrySetResult();
    }

    /// <summary>A way to call the controller as this node; joins or renews first when needed.</summary>
    internal async Task<CallInvoker> ConnectAsync(CancellationToken cancellationToken) => (await OpenAsync(cancellationToken)).CreateCallInvoker();

    /// <summary>Calls the controller as this node. One that does not accept the node's certificate is asked for another one before the next call.</summary>
    /// <exception cref="RpcException">The call has failed.</exception>
    internal async Task<T> CallAsync<T>(Func<CallInvoker, Task<T>> call, CancellationToken cancellationToken)
    {
        GrpcChannel channel = await OpenAsync(cancellationToken);
        try
        {
            return await call(channel.CreateCallInvoker());
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unauthenticated)
        {
            // The end of a certificate that has been replaced says nothing of the one in use.
            if (ReferenceEquals(channel, _channel)) _refused = true;
            throw;
        }
    }

    /// <summary>
    /// Has the node's certificate renewed now; the one before is in use if that fails. One at a time, and none where the last one has just come, or where the controller has failed just now or wants not to be asked yet.
    /// </summary>
    internal async Task<Rotation> RotateAsync(CancellationToken deadline)
    {
        if (_spire is not null) return new Rotation(_spire.Held?.Chain[0], null, BySpire);
        NodeSvid? before = _credentials.Held;
        try
        {
            await _gate.WaitAsync(deadline);
        }
        catch (OperationCanceledException)
        {
            return new Rotation(before?.Chain[0], null, NotInTime);
        }

        try
        {
            // Others have waited for the same.
            return _credentials.Held is { } held && held != before ? new Rotation(before?.Chain[0], held.Chain[0], null) : await RotateAsync(before, deadline);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Renews the node's certificate in time, also while nothing else calls the controller; until cancelled.</summary>
    internal async Task KeepRenewedAsync(CancellationToken stop)
    {
        int failures = 0;
        TimeSpan pushback = TimeSpan.Zero;
        while (Address.Scheme != "unix" && _spire is null && !stop.IsCancellationRequested)
        {
            TimeSpan wait = failures > 0 || _credentials.DueAt is not { } due
                ? RotationSchedule.RetryAfter(Math.Max(failures, SlowRetry), Random.Shared.NextDouble(), pushback)
                : due - _time.GetUtcNow() + LeastWait;
            if (wait < LeastWait) wait = LeastWait;
            await WaitAsync(wait < LongestWait ? wait : LongestWait, stop);
            if (stop.IsCancellationRequested) return;
            try
            {
                if (_credentials.IsDue) await ConnectAsync(stop);
                (failures, pushback) = (_credentials.IsDue ? failures + 1 : 0, TimeSpan.Zero);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Said in the log by whoever needs the connection; a certificate that is still valid serves until then.
                (failures, pushback) = (failures + 1, RetryPushback.Of(e));
            }
        }
    }

    public void Dispose()
    {
        _channel?.Dispose();
        _gate.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task WaitAsync(TimeSpan longest, CancellationToken stop)
    {
        using CancellationTokenSource timer = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny(_renewNow.Task, Task.Delay(longest, _time, timer.Token));
        await timer.CancelAsync();
        _renewNow = NewSignal();
    }

    private static ReadOnlyMemory<byte>[] ReadRoots(string file)
    {
        X509Certificate2Collection roots = [];
        roots.ImportFromPemFile(file);
        return roots.Count > 0 ? [.. roots.Select(r => new ReadOnlyMemory<byte>(r.RawData))] : throw new InvalidDataException($"{file} holds no certificate");
    }

    private async Task<GrpcChannel> OpenAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (Address.Scheme == "unix")
            {
                if (!File.Exists(Address.LocalPath)) throw new IOException($"--controller: there is no socket at {Address.LocalPath}; is the controller running, with --unix-socket {Address.LocalPath}?");
                return _channel ??= ControllerChannel.ForUnixSocket(Address.LocalPath);
            }
            string? thumbprint;
            if (_spire is not null)
            {
                thumbprint = (_spire.Current ?? throw new InvalidOperationException(_spire.WhyNone)).Certificate.Certificate.Thumbprint;
            }
            else
            {
                await RenewOrJoinAsync(cancellationToken);
                _credentials.SaveAgain();
                thumbprint = _credentials.Current?.Thumbprint;
            }
            if (_channel is { } channel && _channelThumbprint == thumbprint) return channel;

            // Calls on the old channel go on until they end by themselves; its connection ends soon after the last of them.
            _channelThumbprint = thumbprint;
            return _channel = TlsChannel(show: true);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<Rotation> RotateAsync(NodeSvid? before, CancellationToken deadline)
    {
        if (before is null) return new Rotation(null, null, _credentials.LastError ?? "the node has no certificate yet, with which it could ask for another one");
        byte[] leaf = before.Chain[0];
        DateTimeOffset now = _time.GetUtcNow();
        if (before.ReceivedAt is { } received && Rotation.TooSoon(received, now) is { } tooSoon) return new Rotation(leaf, null, tooSoon);
        if (now < _renewNotBefore) return new Rotation(leaf, null, $"{_credentials.LastError ?? "the last attempt has failed"}; it is not tried again before {_renewNotBefore.ToString("u", CultureInfo.InvariantCulture)}");
        try
        {
            using GrpcChannel current = TlsChannel(show: true);
            await _credentials.RenewAsync(current.CreateCallInvoker(), deadline);
            _refused = false;
            return new Rotation(leaf, _credentials.Held!.Chain[0], null);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            TimeSpan asked = RetryPushback.Of(e);
            _renewNotBefore = _time.GetUtcNow() + (asked > Rotation.LeastBetween ? asked : Rotation.LeastBetween);
            string reason = deadline.IsCancellationRequested ? NotInTime : CallFailure.Describe(e);
            _credentials.NoteFailure(reason);
            return new Rotation(leaf, null, reason);
        }
    }

    private async Task RenewOrJoinAsync(CancellationToken cancellationToken)
    {
        bool mayWait = !_credentials.IsDue || _time.GetUtcNow() < _renewNotBefore;
        if (_credentials.Current is not null && mayWait && !_refused) return;
        if (_credentials.Known is { } known)
        {
            try
            {
                using GrpcChannel current = TlsChannel(show: true);
                await _credentials.RenewAsync(current.CreateCallInvoker(), cancellationToken);
                _refused = false;

                // The authority goes on to sign below what is revoked: not with each call once more.
                if (_credentials.IsRevoked) _renewNotBefore = _time.GetUtcNow() + Rotation.LeastBetween;
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException)
            {
                // A certificate that is good enough for now serves; one that is refused, or has ended too long ago, is replaced by a token.
                bool isRefused = e is RpcException { StatusCode: StatusCode.Unauthenticated };
                _credentials.NoteFailure(CallFailure.Describe(e));
                if (_credentials.Current is not null && !isRefused)
                {
                    _renewNotBefore = _time.GetUtcNow() + RetryPushback.Of(e);
                    NodeCredentialsLog.NotRenewed(_logger, CallFailure.Describe(e), new DateTimeOffset(known.NotAfter));
                    return;
                }

                if (!_credentials.HasToken) throw;
                await JoinAsync($"the node's certificate, which ends {known.NotAfter:u}, is not renewed: {CallFailure.Describe(e)}", cancellationToken);
                return;
            }
        }

        await JoinAsync(_credentials.WhyUnusable, cancellationToken);
    }

    // That a token is used up is no news where a node has joined before: what has to be known is why it must join again.
    private async Task JoinAsync(string? because, CancellationToken cancellationToken)
    {
        using GrpcChannel anonymous = TlsChannel(show: false);
        try
        {
            await _credentials.JoinAsync(anonymous.CreateCallInvoker(), cancellationToken);
            _refused = false;
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            string reason = because is null ? CallFailure.Describe(e) : $"{because}; nor can the node join: {CallFailure.Describe(e)}";
            _credentials.NoteFailure(reason);
            if (because is null) throw;
            throw new InvalidOperationException(reason, e);
        }
    }

    private GrpcChannel TlsChannel(bool show) => ControllerChannel.ForTls(new ControllerChannelOptions
    {
        Address = Address,
        Roots = Roots,
        Identity = show ? Identity : null,
        Time = _time,
    });

    private IReadOnlyList<ReadOnlyMemory<byte>> Roots()
    {
        if (_spire is not null) return _spire.Current?.Roots ?? [];
        return _bundle is { Roots.IsEmpty: false } bundle ? bundle.Roots : _bootstrapRoots;
    }

    private SslClientIdentity? Identity()
    {
        if (_spire is not null) return _spire.Current?.Certificate;
        return _credentials.Known is { } certificate ? new SslClientIdentity(certificate, _credentials.KnownIntermediates) : null;
    }
}
