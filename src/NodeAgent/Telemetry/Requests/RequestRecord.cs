using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>
/// What is noted of one request. It belongs to its loop while the request runs, then to the queue of those that are over, then to the writer, which gives it back to the loop's pool: so that none is allocated for a request. What a
/// request says is copied, each part up to a length, since heads are not kept.
/// </summary>
internal sealed partial class RequestRecord(RequestRecords home) : IRequestRecord
{
    /// <summary>Most bytes of a path that are noted; a method, host, user agent, id or field of its own has <see cref="MostOfOther"/>.</summary>
    internal const int MostOfPath = 2048;

    /// <inheritdoc cref="MostOfPath"/>
    internal const int MostOfOther = 256;

    private byte[] _text = new byte[512];
    private NotedText[] _headers = [];
    private int _length;
    private long _began;

    /// <summary>Whether it is written to the access log.</summary>
    internal bool IsLogged { get; set; }

    /// <summary>Where it goes when it has been written.</summary>
    internal RequestRecords Home => home;

    /// <summary>What held when the request came.</summary>
    internal RequestSettings? Settings { get; private set; }

    /// <summary>When the request came.</summary>
    internal DateTimeOffset Started { get; private set; }

    /// <summary>What its client speaks.</summary>
    internal string Protocol { get; private set; } = "";

    internal NotedText Method { get; private set; }

    internal NotedText Authority { get; private set; }

    internal NotedText Path { get; private set; }

    internal NotedText UserAgent { get; private set; }

    internal NotedText RequestId { get; private set; }

    /// <summary>The client's connection.</summary>
    internal ConnectionRequests? Client { get; private set; }

    /// <summary>The connection by which the request was answered: the client's own, where no server's was known.</summary>
    internal ConnectionRequests? Server { get; private set; }

    /// <summary>The server that was tried last; null where all of the connection's requests go to one.</summary>
    internal SocketEndPoint? Target { get; private set; }

    /// <summary>The rule that has the request.</summary>
    internal HttpRouteHit? Route { get; private set; }

    /// <summary>How often it was sent to a server, or tried to, beyond the first time.</summary>
    internal int Retries { get; private set; }

    /// <inheritdoc/>
    public string? Details { get; set; }

    internal int Status { get; private set; }

    /// <summary>What a caller of gRPC was told.</summary>
    internal GrpcStatus Grpc { get; private set; }

    /// <summary>What responses that are kept had to do with it.</summary>
    internal CacheResult Cache { get; private set; }

    internal TimeSpan Duration { get; private set; }

    internal string? Error { get; private set; }

    internal long BytesReceived { get; private set; }

    internal long BytesSent { get; private set; }

    /// <summary>Whether it failed: no answer or not all of one, a status of 500 or above, or one of gRPC that is the server's failure, or an answer of the proxy in the server's place.</summary>
    internal bool IsError => Status is 0 or >= 500 || Error is not null || GrpcStatuses.IsFailure(Grpc);

    /// <summary>A request has come.</summary>
    internal void Begin(ConnectionRequests client, RequestSettings settings, HeaderList request, string protocol, DateTimeOffset now, long timestamp)
    {
        (Client, Server, Settings, Protocol, Started) = (client, null, settings, protocol, now);
        (Target, Route, Retries, Details, _length) = (null, null, 0, null, 0);
        (BytesReceived, BytesSent, _began, IsLogged) = (0, 0, timestamp, false);
        BeginTrace(request, settings, home.Random);
        Method = Note(request.Method, MostOfOther);
        Authority = Note(StreamRequestForm.HostOf(request), MostOfOther);
        Path = NotePath(request.Path, settings.Log.HasQuery);
        UserAgent = NoteField(request, "user-agent"u8);
        RequestId = NoteField(request, "x-request-id"u8);
        if (_headers.Length != settings.Headers.Length) _headers = new NotedText[settings.Headers.Length];
        for (int i = 0; i < _headers.Length; i++) _headers[i] = NoteField(request, settings.Headers[i]);
    }

    /// <inheritdoc/>
    public void OnTry(in SocketEndPoint target, HttpRouteHit? route)
    {
        BeginTry(target, isFirst: Target is null);
        if (Target is not null) Retries++;
        (Target, Route) = (target, route);
    }

    /// <inheritdoc/>
    public void OnBodies(long received, long sent) => (BytesReceived, BytesSent) = (received, sent);

    /// <summary>The request is over.</summary>
    internal void End(ConnectionRequests server, in RequestEnd end)
    {
        (Server, Status, Duration, Error, Grpc, Cache) = (server, end.Status, end.Duration, end.Error, end.Grpc, end.Cache);
        EndTrace();
    }

    /// <summary>Nothing of it is needed any more.</summary>
    internal void Clear() => (Client, Server, Settings, Route, Details) = (null, null, null, null, null);

    /// <summary>A text that was noted; empty also when there is none.</summary>
    internal ReadOnlySpan<byte> TextOf(NotedText noted) => noted.Length <= 0 ? default : _text.AsSpan(noted.Start, noted.Length);

    /// <summary>One of the fields that are noted besides, in the order of the settings.</summary>
    internal NotedText Header(int index) => _headers[index];

    private NotedText NotePath(ReadOnlySpan<byte> path, bool hasQuery)
    {
        int query = hasQuery ? -1 : path.IndexOfAny((byte)'?', (byte)'#');
        return Note(query < 0 ? path : path[..query], MostOfPath);
    }

    private NotedText NoteField(HeaderList request, ReadOnlySpan<byte> name) => request.TryGet(name, out ReadOnlySpan<byte> value) ? Note(value, MostOfOther, isThere: true) : NotedText.None;

    private NotedText Note(ReadOnlySpan<byte> text, int most, bool isThere = false)
    {
        if (text.IsEmpty && !isThere) return NotedText.None;
        text = text[..Math.Min(text.Length, most)];
        if (_length + text.Length > _text.Length) Array.Resize(ref _text, Math.Max(_text.Length * 2, _length + text.Length));
        text.CopyTo(_text.AsSpan(_length));
        NotedText noted = new(_length, text.Length);
        _length += text.Length;
        return noted;
    }
}
