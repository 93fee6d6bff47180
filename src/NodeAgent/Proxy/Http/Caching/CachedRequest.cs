using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Caching;

/// <summary>
/// A request that policy has let pass to a port whose responses are kept: whether one of these answers it, and whether its own is kept. Used for one request after the other. Belongs to its loop's thread.
/// </summary>
internal sealed class CachedRequest
{
    private static readonly HeaderNames NotKept = new(["age", "connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization", "proxy-connection", "te", "transfer-encoding", "upgrade"]);

    // What a 304 says of another message than the one that is kept (RFC 9111, section 3.2).
    private static readonly HeaderNames NotRefreshed = new(["content-encoding", "content-range", "content-type"]);

    private static readonly HeaderNames OfNotModified = new(["cache-control", "content-location", "date", "etag", "expires", "last-modified", "vary"]);

    private const int MostFieldsToAsk = 64, MostBytesToAsk = 8 << 10, MostOfTag = 256;

    private readonly HeaderList _keyed = new();
    private readonly HeaderList _request = new();
    private readonly HeaderList _answer = new();
    private ResponseCache? _cache;
    private byte[] _key = new byte[256];
    private int _keyLength;
    private CacheRequest _says;
    private int _changes;
    private bool _isHead;
    private bool _isUnsafe;
    private bool _mayKeep;
    private bool _isNotModified;

    /// <summary>What came of it so far.</summary>
    internal CacheResult Result { get; private set; }

    /// <summary>The response that answers it, or that the application is asked about; null: none.</summary>
    internal KeptResponse? Kept { get; private set; }

    /// <summary>Takes a copy of its response's body; null: nobody does.</summary>
    internal ResponseCapture? Capture { get; private set; }

    private ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);

    /// <summary>Another request has come, about which nobody asks.</summary>
    internal void Forget()
    {
        Release();
        (_cache, Kept, Capture, Result, _isUnsafe, _mayKeep, _isNotModified) = (null, null, null, CacheResult.None, false, false, false);
    }

    /// <summary>The request is over: nothing that is kept is held for it. What came of it stays known.</summary>
    internal void Release()
    {
        Capture?.Close();
        if (Kept is { } kept) _cache!.Store.Return(kept);
        (Kept, Capture, HasRequest) = (null, null, false);
        _keyed.Trim();
        _request.Trim();
        OnSent();
    }

    /// <summary>What was last made of a head has gone on its way.</summary>
    internal void OnSent() => _answer.Trim();

    /// <summary>Whether there is a copy of the request's head, and of a part of it.</summary>
    internal bool HasRequest { get; private set; }

    /// <summary>A request has come. May be asked again about the same.</summary>
    /// <param name="cache">What its port has kept.</param>
    /// <param name="request">Its head, as the application would get it.</param>
    /// <param name="isPlain">Whether it has no body, and does not ask for another protocol.</param>
    /// <param name="isAuthorized">Whether it is for somebody in particular, also where its head does not say so any more.</param>
    /// <param name="hasRoom">Whether there is room for copies of its head: without it what is kept may answer it, but its own response is not kept.</param>
    internal CacheStep Begin(ResponseCache cache, HeaderList request, bool isPlain, bool isAuthorized, bool hasRoom = true)
    {
        Forget();
        ReadOnlySpan<byte> method = request.Method;
        _isHead = method.SequenceEqual("HEAD"u8);
        bool isGet = method.SequenceEqual("GET"u8);
        _isUnsafe = !isGet && !_isHead && !method.SequenceEqual("OPTIONS"u8) && !method.SequenceEqual("TRACE"u8);
        bool isSafe = isGet || _isHead;
        if (!isSafe && !_isUnsafe) return CacheStep.PassOn;
        if (isSafe && !cache.Settings.Covers(RequestPath.WithoutQuery(request.Path))) return CacheStep.PassOn;
        _cache = cache;
        SetKey(StreamRequestForm.HostOf(request), request.Path);
        if (_isUnsafe) return CacheStep.PassOn;
        _says = new CacheRequest { IsAuthorized = isAuthorized };
        for (int i = 0; i < request.Count; i++) _says.Add(request[i].Name, request[i].Value);
        Result = CacheResult.Bypass;
        if (!isPlain || !HasOneHost(request, StreamRequestForm.HostOf(request)) || _says.IsForServer || _says.Control.NoStore) return CacheStep.PassOn;
        KeyedFields.Find(request, _keyed);
        Kept = cache.Store.Find(Key, _keyed, request);
        if (Kept is { } kept && (kept.Body.Length > cache.Settings.MaxResponseBytes || (_says.IsAuthorized && !kept.IsForAll) || !cache.Store.TryLend(kept))) Kept = null;
        if (Kept is not null && Kept.Freshness.MayAnswer(_says, AgeOf(Kept)))
        {
            Result = CacheResult.Hit;
            _isNotModified = IsNotModified(Kept, request);
            return CacheStep.Answer;
        }

        Result = Kept is null ? CacheResult.Miss : CacheResult.Stale;
        _changes = cache.Store.ChangesOf(Key);
        _mayKeep = HasRequest = isGet && hasRoom;
        if (!_mayKeep)
        {
            _keyed.Trim();
        }
        else
        {
            _request.Clear();
            _request.AddRange(request); // what its response varies by is not known yet
        }

        if (_mayKeep && !_says.IsConditional && Kept is { HasValidator: true } && HasRoomToAsk(request)) return CacheStep.Validate;
        if (Kept is not null) cache.Store.Return(Kept);
        Kept = null;
        return CacheStep.PassOn;
    }

    /// <summary>The request with the question whether what is kept is still the same.</summary>
    /// <returns>A list that is valid until the next is made.</returns>
    internal HeaderList Conditional()
    {
        _answer.Clear();
        _answer.AddRange(_request);
        if (Kept!.Head.TryGet("etag"u8, out ReadOnlySpan<byte> tag) && tag.Length <= MostOfTag && EntityTags.IsTag(tag)) _answer.Add("if-none-match"u8, tag); // and no date besides, which some look at alone
        else if (Kept.Head.TryGet("last-modified"u8, out ReadOnlySpan<byte> date) && HttpDate.TryRead(date, out _)) _answer.Add("if-modified-since"u8, date);
        return _answer;
    }

    /// <summary>What the request is answered with, of the response that is kept.</summary>
    /// <param name="body">The body that follows.</param>
    /// <returns>The head; valid until the next list is made.</returns>
    internal HeaderList Answer(out ReadOnlyMemory<byte> body)
    {
        KeptResponse kept = Kept!;
        long age = AgeOf(kept);
        bool isNotModified = _isNotModified, hasBody = !isNotModified && kept.Head.Status != 204;
        _answer.Clear();
        _answer.AddStatus(isNotModified ? 304 : kept.Head.Status);
        for (int i = 0; i < kept.Head.Count; i++)
        {
            HeaderView field = kept.Head[i];
            if (field.Name[0] != ':' && (!isNotModified || OfNotModified.Has(field.Name))) _answer.Add(field.Name, field.Value);
        }

        AddNumber("age"u8, age);
        if (hasBody) AddNumber("content-length"u8, kept.Body.Length);
        AddStatus(Result == CacheResult.Revalidated ? "culvert; fwd=stale; fwd-status=304" : string.Create(CultureInfo.InvariantCulture, $"culvert; hit; ttl={kept.Freshness.Lifetime - age}"));
        body = hasBody && !_isHead ? kept.Body : default;
        return _answer;
    }

    /// <summary>The application has answered, finally.</summary>
    /// <param name="head">The head.</param>
    /// <param name="isEndKnown">Whether its body's end will be told apart from that of the connection.</param>
    /// <returns>The head as it goes on, valid until the next list is made; null: what is kept answers the request (<see cref="Kept"/>), and nothing of this does.</returns>
    internal HeaderList? OnResponse(HeaderList head, bool isEndKnown)
    {
        if (_cache is not { } cache) return head;
        if (_isUnsafe)
        {
            if (head.Status is >= 200 and < 400) Invalidate(cache, head);
            return head;
        }

        if (Kept is { } kept && head.Status == 304)
        {
            Kept = Refresh(cache, kept, head);
            cache.Store.Lend(Kept);
            cache.Store.Return(kept);
            return null;
        }

        if (Kept is { } stale)
        {
            if (head.Status < 500) cache.Store.Forget(stale);
            cache.Store.Return(stale);
            Kept = null;
        }

        long? length = LengthOf(head);
        if (_mayKeep && isEndKnown && head.Status != 304) Capture = CaptureOf(cache, head, length);
        _answer.Clear();
        _answer.AddRange(head);
        AddStatus(Result switch
        {
            CacheResult.Bypass => "culvert; fwd=bypass",
            CacheResult.Stale => Capture is not null && length is not null ? "culvert; fwd=stale; stored" : "culvert; fwd=stale",
            _ => Capture is not null && length is not null ? "culvert; fwd=miss; stored" : "culvert; fwd=miss",
        });
        return _answer;
    }

    /// <summary>Gives the copy of the body to whoever fills it.</summary>
    internal ResponseCapture? TakeCapture()
    {
        ResponseCapture? capture = Capture;
        Capture = null;
        return capture;
    }

    // What a head may have is far more: with the question no request becomes too long for the application.
    private static bool HasRoomToAsk(HeaderList request)
    {
        int bytes = 0;
        for (int i = 0; i < request.Count; i++) bytes += request[i].Name.Length + request[i].Value.Length + 4;
        return request.Count <= MostFieldsToAsk && bytes <= MostBytesToAsk;
    }

    private static long AgeOf(KeptResponse kept, long now) => kept.Freshness.AgeAfter((now - kept.Received) / 1000);

    private long AgeOf(KeptResponse kept) => AgeOf(kept, _cache!.Store.Now);

    private static long? LengthOf(HeaderList head) => head.Status == 204 ? 0 : head.TryGet("content-length"u8, out ReadOnlySpan<byte> text) && Utf8Parser.TryParse(text, out long length, out int read) && read == text.Length ? length : null;

    // Conditions are about what would be given otherwise (RFC 9110, section 13.2.1).
    private bool IsNotModified(KeptResponse kept, HeaderList request)
    {
        if (!_says.IsConditional || kept.Head.Status is < 200 or >= 300) return false;
        if (!_says.HasIfNoneMatch) return IsUnmodified(kept, request);
        kept.Head.TryGet("etag"u8, out ReadOnlySpan<byte> tag);
        for (int i = 0; i < request.Count; i++)
        {
            if (request[i].Name.SequenceEqual("if-none-match"u8) && EntityTags.Names(request[i].Value, tag)) return true;
        }

        return false;
    }

    private static bool IsUnmodified(KeptResponse kept, HeaderList request) =>
        request.TryGet("if-modified-since"u8, out ReadOnlySpan<byte> text) && HttpDate.TryRead(text, out long since)
        && (kept.Head.TryGet("last-modified"u8, out ReadOnlySpan<byte> modified) || kept.Head.TryGet("date"u8, out modified)) && HttpDate.TryRead(modified, out long date) && date <= since;

    // HTTP/2 has one in two places; which of both a server believes, nobody knows.
    private static bool HasOneHost(HeaderList request, ReadOnlySpan<byte> host)
    {
        for (int i = 0; i < request.Count; i++)
        {
            if (request[i].Name.SequenceEqual("host"u8) && !request[i].Value.SequenceEqual(host)) return false;
        }

        return true;
    }

    private void SetKey(ReadOnlySpan<byte> host, ReadOnlySpan<byte> path)
    {
        // Hosts are the same in any case (RFC 9110, section 4.2.3).
        int prefix = 2 * sizeof(int);
        _keyLength = prefix + host.Length + path.Length;
        if (_key.Length < _keyLength) _key = new byte[_keyLength];
        BinaryPrimitives.WriteInt32LittleEndian(_key, _cache!.Owner.Number);
        BinaryPrimitives.WriteInt32LittleEndian(_key.AsSpan(sizeof(int)), host.Length);
        if (Ascii.ToLower(host, _key.AsSpan(prefix), out _) != System.Buffers.OperationStatus.Done) host.CopyTo(_key.AsSpan(prefix));
        path.CopyTo(_key.AsSpan(prefix + host.Length));
    }

    // What a request has changed that is not safe: its own resource, and those that its answer names of the same host (RFC 9111, section 4.4).
    private void Invalidate(ResponseCache cache, HeaderList head)
    {
        cache.Store.Invalidate(Key);
        byte[] host = Key.Slice(2 * sizeof(int), BinaryPrimitives.ReadInt32LittleEndian(_key.AsSpan(sizeof(int)))).ToArray();
        for (int i = 0; i < head.Count; i++)
        {
            if (!head[i].Name.SequenceEqual("location"u8) && !head[i].Name.SequenceEqual("content-location"u8)) continue;
            ReadOnlySpan<byte> path = PathOf(head[i].Value, host);
            if (path.IsEmpty) continue;
            SetKey(host, path);
            cache.Store.Invalidate(Key);
        }
    }

    // Empty: of another host, or relative to a path, which hardly anybody writes.
    private static ReadOnlySpan<byte> PathOf(ReadOnlySpan<byte> reference, ReadOnlySpan<byte> host)
    {
        int fragment = reference.IndexOf((byte)'#');
        if (fragment >= 0) reference = reference[..fragment];
        int authority = reference.StartsWith("//"u8) ? 2 : reference.StartsWith("http://"u8) ? 7 : reference.StartsWith("https://"u8) ? 8 : 0;
        if (authority == 0) return reference.StartsWith("/"u8) ? reference : default;
        reference = reference[authority..];
        int slash = reference.IndexOf((byte)'/');
        return slash >= 0 && Ascii.EqualsIgnoreCase(reference[..slash], host) ? reference[slash..] : default;
    }

    // The length is told anew with each answer; it is never one of HeaderNames.
    private static bool IsKept(ReadOnlySpan<byte> name) => !NotKept.Has(name) && !name.SequenceEqual("content-length"u8);

    // Null: the head says that it may not be kept.
    private ResponseCapture? CaptureOf(ResponseCache cache, HeaderList head, long? length)
    {
        CacheResponse says = default;
        for (int i = 0; i < head.Count; i++) says.Add(head[i].Name, head[i].Value);
        if (!says.MayBeKept(head.Status, _says, cache.Store.Today, out CacheFreshness freshness)) return null;
        HeaderList kept = new();
        for (int i = 0; i < head.Count; i++)
        {
            if (IsKept(head[i].Name)) kept.Add(head[i].Name, head[i].Value);
        }

        if (!kept.TryGet("date"u8, out _)) kept.AddDate(DateTimeOffset.FromUnixTimeSeconds(cache.Store.Today)); // RFC 9110, section 6.6.1
        byte[][] names = VaryFields.NamesOf(head);
        if (names.Length > VaryFields.MostNames) return null;
        KeptResponse response = new()
        {
            Owner = cache.Owner,
            Key = Key.ToArray(),
            Keyed = Copy(_keyed),
            VaryNames = names,
            VaryFields = VaryFields.Of(_request, names),
            Head = kept,
            Body = default,
            Freshness = freshness,
            IsForAll = says.IsForAll,
            Received = cache.Store.Now,
        };
        ResponseCapture capture = new(cache, response, _changes, length);
        return capture.IsClosed ? null : capture;
    }

    private static HeaderList Copy(HeaderList fields)
    {
        HeaderList copy = new();
        copy.AddRange(fields);
        return copy;
    }

    // An application that says so by another tag has taken ours for the same all the same; the next request is to see its own.
    private KeptResponse Refresh(ResponseCache cache, KeptResponse kept, HeaderList news)
    {
        if (news.TryGet("etag"u8, out ReadOnlySpan<byte> tag) && kept.Head.TryGet("etag"u8, out ReadOnlySpan<byte> known) && !EntityTags.Names(known, tag))
        {
            cache.Store.Forget(kept);
            Result = CacheResult.Revalidated;
            return kept;
        }

        HeaderList head = new();
        for (int i = 0; i < kept.Head.Count; i++)
        {
            if (kept.Head[i].Name.SequenceEqual("date"u8)) continue;
            if (kept.Head[i].Name[0] == ':' || !news.TryGet(kept.Head[i].Name, out _) || NotRefreshed.Has(kept.Head[i].Name)) head.Add(kept.Head[i].Name, kept.Head[i].Value);
        }

        for (int i = 0; i < news.Count; i++)
        {
            ReadOnlySpan<byte> name = news[i].Name;
            if (name[0] != ':' && IsKept(name) && !NotRefreshed.Has(name)) head.Add(name, news[i].Value);
        }

        if (!head.TryGet("date"u8, out _)) head.AddDate(DateTimeOffset.FromUnixTimeSeconds(cache.Store.Today));

        // Its age is that of the news.
        CacheResponse says = default;
        for (int i = 0; i < head.Count; i++) says.Add(head[i].Name, head[i].Value);
        if (news.TryGet("age"u8, out ReadOnlySpan<byte> age)) says.Add("age"u8, age);
        bool mayBeKept = says.MayBeKept(head.Status, _says, cache.Store.Today, out CacheFreshness freshness);
        KeptResponse refreshed = kept.With(head, freshness, says.IsForAll, cache.Store.Now);
        bool variesAlike = VaryFields.NamesOf(head).AsSpan().SequenceEqual(kept.VaryNames, BytesComparer.Instance); // otherwise nobody knows by what it was chosen
        if (!mayBeKept || !variesAlike || !cache.Store.Keep(refreshed, _changes, inPlaceOf: kept)) cache.Store.Forget(kept);
        Result = CacheResult.Revalidated;
        return refreshed;
    }

    private void AddNumber(ReadOnlySpan<byte> name, long number)
    {
        Span<byte> text = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, text, out int length);
        _answer.Add(name, text[..length]);
    }

    private void AddStatus(string status)
    {
        Span<byte> text = stackalloc byte[64];
        _answer.Add("cache-status"u8, text[..Encoding.ASCII.GetBytes(status, text)]); // RFC 9211
    }
}
