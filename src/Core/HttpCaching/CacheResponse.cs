namespace Culvert.Core;

/// <summary>What a response says that a shared cache has to know of it (RFC 9111). To be made field by field.</summary>
public struct CacheResponse
{
    private CacheControl _control;
    private long _age;
    private long _date;
    private int _dates;
    private long _expires;
    private bool _hasExpires;
    private bool _isNotKept;
    private bool _hasValidator;

    /// <summary>Its <c>cache-control</c>.</summary>
    public readonly CacheControl Control => _control;

    /// <summary>Whether it says that others may have it that is an answer to somebody in particular (RFC 9111, section 3.5).</summary>
    public readonly bool IsForAll => _control.IsPublic || _control.MustRevalidate || _control.SharedMaxAge is not null;

    /// <summary>Reads a field.</summary>
    /// <param name="name">Its name, in lower case.</param>
    /// <param name="value">Its value.</param>
    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual("cache-control"u8))
        {
            _control.Add(value);
        }
        else if (name.SequenceEqual("expires"u8))
        {
            // What is no date has passed (RFC 9111, section 5.3); of several the earliest counts.
            long expires = HttpDate.TryRead(value, out long read) ? read : 0;
            _expires = _hasExpires ? Math.Min(_expires, expires) : expires;
            _hasExpires = true;
        }
        else if (name.SequenceEqual("date"u8))
        {
            _dates++;
            if (HttpDate.TryRead(value, out long date)) _date = date;
            else _dates++;
        }
        else if (name.SequenceEqual("age"u8))
        {
            _age = Math.Max(_age, CacheControl.SecondsOf(value) ?? CacheControl.MostSeconds);
        }
        else if (name.SequenceEqual("vary"u8))
        {
            _isNotKept |= value.Contains((byte)'*');
        }
        else if (name.SequenceEqual("etag"u8))
        {
            _hasValidator |= EntityTags.IsTag(value);
        }
        else if (name.SequenceEqual("last-modified"u8))
        {
            _hasValidator |= HttpDate.TryRead(value, out _);
        }
        else
        {
            _isNotKept |= name.SequenceEqual("set-cookie"u8) || name.SequenceEqual("content-range"u8) || name.SequenceEqual("trailer"u8);
        }
    }

    /// <summary>Whether a cache that others share may keep it: it has to say itself for how long it is good.</summary>
    /// <param name="status">Its status.</param>
    /// <param name="request">The request of GET, without a body, that it answers.</param>
    /// <param name="now">The time, in seconds of Unix time.</param>
    /// <param name="freshness">For how long it is good.</param>
    public readonly bool MayBeKept(int status, in CacheRequest request, long now, out CacheFreshness freshness)
    {
        freshness = default;
        if (!IsKept(status) || _isNotKept || _control.NoStore || _control.IsPrivate) return false;
        if (request.IsForServer || request.Control.NoStore || (request.IsAuthorized && !IsForAll)) return false;
        if (LifetimeAt(now) is not { } lifetime) return false;
        long apparent = _dates == 1 ? Math.Max(0, now - _date) : 0;
        freshness = new CacheFreshness(lifetime, Math.Max(apparent, _age), _control.NoCache, _control.MustRevalidate || _control.ProxyRevalidate || _control.SharedMaxAge is not null);
        return _hasValidator || (freshness.Lifetime > freshness.FirstAge && !freshness.AsksAlways);
    }

    /// <summary>Whether responses with a status are kept at all; of others it is not known here what they mean for later requests.</summary>
    private static bool IsKept(int status) => status is 200 or 203 or 204 or 301 or 308 or 404 or 410;

    // Null: it does not say.
    private readonly long? LifetimeAt(long now)
    {
        if ((_control.SharedMaxAge ?? _control.MaxAge) is { } most) return most;
        if (_hasExpires) return _dates > 1 ? 0 : Math.Clamp(_expires - (_dates == 1 ? _date : now), 0, CacheControl.MostSeconds);
        return _control.NoCache ? 0 : null;
    }
}
