using System.Buffers;
using System.Text;
using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.Protocol.HealthChecking;
using Google.Protobuf;

namespace Culvert.NodeAgent.Proxy.Http.HealthChecks;

/// <summary>A request that asks one backend whether it is well. Belongs to its loop's thread.</summary>
internal sealed class HealthCall : OwnCall
{
    private const int LongestToken = 64;

    private static readonly SearchValues<byte> TokenCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz_"u8);

    private const string GrpcPath = "/grpc.health.v1.Health/Check";

    private readonly HealthCheck _check;
    private readonly ProxyConnectionInfo _client;
    private readonly OutboundRoute _route;
    private readonly HealthServers _servers;
    private readonly HealthSource _source;
    private readonly Action<HealthAnswer> _answered;
    private readonly HeaderList _fields = new();
    private readonly LoopSignal _over = new();
    private HealthAnswer? _notConnected;
    private int _status;
    private bool _isOver;

    /// <summary>Makes one; its time begins.</summary>
    /// <param name="checker">Where it runs.</param>
    /// <param name="check">What is asked.</param>
    /// <param name="client">In whose name.</param>
    /// <param name="route">The way to the backend.</param>
    /// <param name="service">The Service, which the question names as its host.</param>
    /// <param name="answered">Hears the answer, once.</param>
    internal HealthCall(HealthChecker checker, HealthCheck check, in ProxyConnectionInfo client, in OutboundRoute route, NamespacedName service, Action<HealthAnswer> answered)
        : base(checker.Loop, checker.Options, checker.Servers, check.Timeout)
    {
        (_check, _client, _route, _answered) = (check, client, route, answered);
        _servers = new HealthServers(checker, client);
        byte[] body = [];
        if (check.Kind == HealthCheckKind.Grpc)
        {
            GrpcMessage.AddHead(Request, service, GrpcPath, check.Timeout);
            body = GrpcMessage.Frame(new HealthCheckRequest { Service = check.GrpcService });
        }
        else
        {
            Request.Add(":method"u8, "GET"u8).Add(":scheme"u8, "http"u8).Add(":authority"u8, Encoding.ASCII.GetBytes($"{service.Name}.{service.Namespace}")).Add(":path"u8, Encoding.ASCII.GetBytes(check.Path));
            Request.Add("cache-control"u8, "no-store"u8); // nobody but the backend is to answer
        }

        Request.Add("user-agent"u8, "culvert-health-check"u8);
        IsHeadOnly = body.Length == 0;

        // In a turn of its own: it is in the middle of what comes.
        _source = new HealthSource(body, checker.Options.HealthChecks.MaxAnswer, () => checker.Loop.Post(() => Finish(CallFailure.Broken)), this);
    }

    /// <inheritdoc/>
    public override bool IsHeadOnly { get; }

    /// <inheritdoc/>
    protected override HeaderList Request { get; } = new();

    /// <inheritdoc/>
    protected override OwnSource Source => _source;

    /// <summary>Asks, and waits until nothing of it is left: a connection that is made too late, too.</summary>
    internal async ValueTask AskAsync()
    {
        await RunAsync();
        if (!_isOver) await _over.WaitAsync();
        await _servers.EndAsync(this);
    }

    /// <summary>Reads an answer.</summary>
    /// <param name="check">What was asked.</param>
    /// <param name="status">Its status.</param>
    /// <param name="fields">Its head and trailers.</param>
    /// <param name="body">Its body.</param>
    internal static HealthAnswer Read(HealthCheck check, int status, HeaderList fields, ReadOnlySpan<byte> body)
    {
        if (check.Kind == HealthCheckKind.Http && check.IsExpected(status)) return HealthAnswer.Passed;
        if (ErrorOfProxy(fields) is { } error) return error == ProxyError.Denied ? HealthAnswer.NotAsked : HealthAnswer.Failed($"its node's proxy answers in its place with status {status}: {error}");
        if (check.Kind == HealthCheckKind.Http) return HealthAnswer.Failed($"it answers with status {status}");
        if (GrpcMessage.Read(status, fields, body, out ReadOnlySpan<byte> message, out _) is { } wrong) return HealthAnswer.Failed(wrong);
        try
        {
            HealthCheckResponse.Types.ServingStatus said = HealthCheckResponse.Parser.ParseFrom(message).Status;
            return said == HealthCheckResponse.Types.ServingStatus.Serving ? HealthAnswer.Passed : HealthAnswer.Failed($"it says that it is not serving (status {(int)said} of grpc.health.v1)");
        }
        catch (InvalidProtocolBufferException)
        {
            return HealthAnswer.Failed("its answer is no HealthCheckResponse");
        }
    }

    /// <inheritdoc/>
    internal override void OnNotConnected(ProxyFailure failure)
    {
        _notConnected = HealthAnswer.Of(failure);
        base.OnNotConnected(failure);
    }

    /// <inheritdoc/>
    protected override RequestDirection Find() => new(null, null, _route, null, _check.Kind == HealthCheckKind.Grpc || HttpKinds.Of(_route.ApplicationProtocol) == HttpKind.Http2 ? HttpKind.Http2 : HttpKind.Http1);

    /// <inheritdoc/>
    protected override ProxyConnectionInfo ClientFor(in OutboundRoute route) => _client;

    /// <inheritdoc/>
    protected override Http2Server FindHttp2(in OutboundRoute route) => _servers.Find(this, route);

    /// <inheritdoc/>
    protected override void OnResponse(HeaderList headers)
    {
        _status = headers.Status;
        _fields.AddRange(headers);
    }

    /// <inheritdoc/>
    protected override void OnOver(CallFailure failure)
    {
        _isOver = true;
        if (_source.Trailers is { } trailers) _fields.AddRange(trailers);
        _answered(IsAnswered || _source.IsTooLong ? Read(_check, _status, _fields, _source.Answer) : _notConnected ?? Of(failure));
        _over.Set(true);
    }

    // Bounded: what the backend says itself may look so, too.
    private static string? ErrorOfProxy(HeaderList fields)
    {
        if (!ProxyError.TryRead(fields, out ReadOnlySpan<byte> said)) return null;
        int length = said.IndexOfAnyExcept(TokenCharacters);
        return Encoding.ASCII.GetString(said[..Math.Min(length < 0 ? said.Length : length, LongestToken)]);
    }

    private static HealthAnswer Of(CallFailure failure) => failure switch
    {
        CallFailure.Refused or CallFailure.NoRoom or CallFailure.Malformed => HealthAnswer.NotAsked,
        CallFailure.Unreachable => HealthAnswer.Failed(HealthAnswer.NotReached),
        CallFailure.TooSlow => HealthAnswer.Failed(HealthAnswer.TooSlow),
        CallFailure.BadAnswer => HealthAnswer.Failed("its answer is none, or too long"),
        _ => HealthAnswer.Failed("it broke the connection off before it had answered"),
    };
}
