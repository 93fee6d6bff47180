using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Telemetry.Requests;
using Culvert.Protocol.OpenTelemetry;
using Google.Protobuf;

namespace Culvert.NodeAgent.Telemetry.Tracing;

/// <summary>Makes spans of requests, with the attributes that OpenTelemetry has for HTTP (semantic conventions for HTTP spans).</summary>
internal static class SpanBuilder
{
    private static readonly HashSet<string> Methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

    /// <summary>Whose spans a request's are.</summary>
    internal static SpanResource ResourceOf(RequestRecord record) => SpanResource.Of(IsClient(record) ? record.Client!.Connection.SourceWorkload : record.Server!.Connection.DestinationWorkload);

    /// <summary>The span of one try of a request.</summary>
    /// <param name="record">The request; it is over.</param>
    /// <param name="index">Which of its tries.</param>
    internal static Span Of(RequestRecord record, int index)
    {
        RequestTry one = record.Tries[index];
        bool isClient = IsClient(record), isLast = index == record.Current;
        string method = Text(record, record.Method), known = Methods.Contains(method) ? method : "_OTHER";
        Span span = new()
        {
            TraceId = IdOf(record.Trace.High, record.Trace.Low),
            SpanId = IdOf(one.Span),
            Name = known == method ? method : "HTTP",
            Kind = isClient ? SpanKind.Client : SpanKind.Server,
            StartTimeUnixNano = NanosecondsOf(record.Started + one.Began),
            EndTimeUnixNano = NanosecondsOf(record.Started + one.Ended),
            Flags = 1, // sampled
        };
        if (record.Trace.Span != 0) span.ParentSpanId = IdOf(record.Trace.Span);
        Add(span, "http.request.method", known);
        if (known != method) Add(span, "http.request.method_original", method);
        if (one.Status != 0) Add(span, "http.response.status_code", one.Status);
        if (index > 0) Add(span, "http.request.resend_count", index);
        AddPlace(span, record, one, isClient);
        AddOutcome(span, record, one, isClient, isLast);
        return span;
    }

    private static void AddPlace(Span span, RequestRecord record, in RequestTry one, bool isClient)
    {
        string authority = Text(record, record.Authority), path = Text(record, record.Path);
        int query = path.IndexOfAny(['?', '#']);
        if (query >= 0) path = path[..query]; // the access log may have it; collectors are others' to read
        Add(span, "url.scheme", "http");
        if (isClient) Add(span, "url.full", $"http://{authority}{path}");
        else Add(span, "url.path", path);
        AddHost(span, authority);
        Add(span, "network.protocol.name", "http");
        Add(span, "network.protocol.version", record.Protocol[(record.Protocol.IndexOf('/', StringComparison.Ordinal) + 1)..]);
        FlowRecord client = record.Client!.Connection;
        IPEndPoint? peer = isClient ? (one.Target is { } target ? new IPEndPoint(target.ToIPAddress(), target.Port) : RequestFields.UpstreamOf(record)) : client.Source;
        if (peer is not null)
        {
            Add(span, "network.peer.address", peer.Address.ToString());
            Add(span, "network.peer.port", peer.Port);
        }

        if (!isClient) Add(span, "client.address", client.Source.Address.ToString());
        if (Text(record, record.UserAgent) is { Length: > 0 } agent) Add(span, "user_agent.original", agent);
        if (client.SourceIdentity is { } source) Add(span, "culvert.source.principal", source);
        if (record.Server!.Connection.DestinationIdentity is { } destination) Add(span, "culvert.destination.principal", destination);
        if (RequestFields.RouteOf(record) is { } route) Add(span, "culvert.route", route);
    }

    // What is the client's fault is none of the server's span (semantic conventions for HTTP spans, "Status"; those for gRPC have more statuses of the server's).
    private static void AddOutcome(Span span, RequestRecord record, in RequestTry one, bool isClient, bool isLast)
    {
        GrpcStatus grpc = isLast ? record.Grpc : GrpcStatus.NoCall;
        if (isLast)
        {
            if (grpc >= GrpcStatus.Ok) Add(span, "rpc.grpc.status_code", (long)grpc);
            Add(span, "http.request.body.size", record.BytesReceived);
            Add(span, "http.response.body.size", record.BytesSent);
        }

        if (one.IsLost)
        {
            span.Attributes.Add(SpanAttributes.Of("culvert.hedging", "lost"));
            return;
        }

        string? ofProxy = isLast ? record.Error : null;
        if (ofProxy is not null) Add(span, "culvert.proxy_error", ofProxy);
        bool isFailedCall = isClient ? grpc > GrpcStatus.Ok : GrpcStatuses.IsFailure(grpc);
        if (one.Status != 0 && one.Status < (isClient ? 400 : 500) && !isFailedCall) return;
        Add(span, "error.type", ofProxy ?? (isFailedCall ? GrpcStatuses.NameOf(grpc)! : one.Status == 0 ? "no_response" : one.Status.ToString(CultureInfo.InvariantCulture)));
        span.Status = new Status { Code = StatusCode.Error, Message = isLast ? record.Details ?? "" : "" };
    }

    private static void AddHost(Span span, string authority)
    {
        if (authority.Length == 0) return;
        int colon = authority.LastIndexOf(':');
        bool hasPort = colon > 0 && authority[^1] != ']' && int.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _);
        Add(span, "server.address", (hasPort ? authority[..colon] : authority).Trim('[', ']'));
        if (hasPort && int.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port)) Add(span, "server.port", port);
    }

    private static bool IsClient(RequestRecord record) => record.Client!.Connection.AtSource;

    private static void Add(Span span, string key, string value) => span.Attributes.Add(SpanAttributes.Of(key, value));

    private static void Add(Span span, string key, long value) => span.Attributes.Add(SpanAttributes.Of(key, value));

    // Protocol buffers take UTF-8 only; as Latin-1, which HTTP has, every byte is a character.
    private static string Text(RequestRecord record, NotedText noted) => Encoding.Latin1.GetString(record.TextOf(noted));

    private static ByteString IdOf(params ReadOnlySpan<ulong> parts)
    {
        Span<byte> bytes = stackalloc byte[parts.Length * sizeof(ulong)];
        for (int i = 0; i < parts.Length; i++) BinaryPrimitives.WriteUInt64BigEndian(bytes[(i * sizeof(ulong))..], parts[i]);
        return ByteString.CopyFrom(bytes);
    }

    private static ulong NanosecondsOf(DateTimeOffset time) => (ulong)(time - DateTimeOffset.UnixEpoch).Ticks * (1_000_000_000 / TimeSpan.TicksPerSecond);
}
