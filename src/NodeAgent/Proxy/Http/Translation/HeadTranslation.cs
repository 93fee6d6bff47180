using System.Buffers;
using System.Text;
using Culvert.Http1;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http.Translation;

/// <summary>Makes heads of HTTP/2 ready for HTTP/1.1, and the other way round (RFC 9113, section 8; RFC 9110, section 7.6). Allocates nothing once its lists have grown.</summary>
internal static class HeadTranslation
{
    /// <summary>A request for a server of HTTP/1.1: one host, one <c>content-length</c>, one <c>cookie</c>, in their places.</summary>
    /// <param name="request">The request; its host is one.</param>
    /// <param name="isHeadOnly">Whether that is all.</param>
    /// <param name="into">Where to.</param>
    /// <param name="hasLength">Whether it says how long its body is.</param>
    /// <returns>Whether its client waits for <c>100 Continue</c>, which the connection's form says, not the list.</returns>
    internal static bool OfRequest(HeaderList request, bool isHeadOnly, HeaderList into, out bool hasLength)
    {
        into.Clear();
        bool expectsContinue = hasLength = false;
        bool hasCookie = false;
        into.Add(":method"u8, request.Method).Add(":authority"u8, StreamRequestForm.HostOf(request)).Add(":path"u8, request.Path);
        for (int i = 0; i < request.Count; i++)
        {
            HeaderView field = request[i];
            if (field.Name[0] == ':' || field.Name.SequenceEqual("host"u8))
            {
                continue;
            }

            if (field.Name.SequenceEqual("expect"u8) && Ascii.EqualsIgnoreCase(field.Value, "100-continue"u8))
            {
                expectsContinue = true;
            }
            else if (field.Name.SequenceEqual("content-length"u8))
            {
                if (!hasLength) into.Add(field.Name, field.Value);
                hasLength = true;
            }
            else if (field.Name.SequenceEqual("cookie"u8))
            {
                if (!hasCookie) AddCookies(request, i, into);
                hasCookie = true;
            }
            else
            {
                into.Add(field.Name, field.Value, field.NeverIndexed);
            }
        }

        if (isHeadOnly && !hasLength && HasMeaningfulBody(request.Method)) into.Add("content-length"u8, "0"u8);
        return expectsContinue;
    }

    /// <summary>A request for a server of HTTP/2.</summary>
    /// <param name="request">The request's fields, as they are read of HTTP/1.1.</param>
    /// <param name="expectsContinue">Whether its client waits for <c>100 Continue</c>.</param>
    /// <param name="into">Where to.</param>
    internal static void ToStream(HeaderList request, bool expectsContinue, HeaderList into)
    {
        into.Clear();
        into.Add(":method"u8, request.Method).Add(":scheme"u8, request.Scheme.IsEmpty ? "http"u8 : request.Scheme);
        if (!request.Authority.IsEmpty) into.Add(":authority"u8, request.Authority);
        into.Add(":path"u8, request.Path);
        for (int i = 0; i < request.Count; i++)
        {
            HeaderView field = request[i];
            if (field.Name[0] != ':') into.Add(field.Name, field.Value, field.NeverIndexed);
        }

        if (expectsContinue) into.Add("expect"u8, "100-continue"u8);
    }

    /// <summary>A response for a client of HTTP/1.1: it says how long its body is where nothing follows, and once.</summary>
    /// <param name="response">The response's head.</param>
    /// <param name="isBare">Whether nothing follows.</param>
    /// <param name="isHead">Whether it answers HEAD.</param>
    /// <param name="into">Where to.</param>
    /// <returns>Whether it says how long its body is.</returns>
    internal static bool OfResponse(HeaderList response, bool isBare, bool isHead, HeaderList into)
    {
        into.Clear();
        bool hasLength = false;
        for (int i = 0; i < response.Count; i++)
        {
            HeaderView field = response[i];
            bool isLength = field.Name.SequenceEqual("content-length"u8);
            if (!isLength || !hasLength) into.Add(field.Name, field.Value, field.NeverIndexed);
            hasLength |= isLength;
        }

        bool mayHaveBody = !isHead && response.Status is >= 200 and not 204 and not 304;
        if (isBare && mayHaveBody && !hasLength) into.Add("content-length"u8, "0"u8);
        return hasLength;
    }

    /// <summary>Trailers for a receiver of HTTP/1.1: without what would say something else of the message than its head (RFC 9110, section 6.5.1).</summary>
    /// <param name="trailers">The trailers; null without.</param>
    /// <param name="into">Where to.</param>
    internal static void OfTrailers(HeaderList? trailers, HeaderList into)
    {
        into.Clear();
        if (trailers is null) return;
        into.AddRange(trailers);
        into.Remove("content-length"u8);
        into.Remove("host"u8);
        into.Remove("te"u8);
    }

    // A length of none is said for those methods whose requests have a body as a rule (RFC 9110, section 8.6).
    private static bool HasMeaningfulBody(ReadOnlySpan<byte> method) => method.SequenceEqual("POST"u8) || method.SequenceEqual("PUT"u8) || method.SequenceEqual("PATCH"u8);

    // HTTP/2 may have them in pieces, HTTP/1.1 may not (RFC 9113, section 8.2.3).
    private static void AddCookies(HeaderList request, int first, HeaderList into)
    {
        int room = 0, count = 0;
        for (int i = first; i < request.Count; i++)
        {
            if (!IsCookie(request[i])) continue;
            room += request[i].Value.Length + 2;
            count++;
        }

        if (count == 1)
        {
            into.Add("cookie"u8, request[first].Value, request[first].NeverIndexed);
            return;
        }

        byte[] joined = ArrayPool<byte>.Shared.Rent(room);
        int length = 0;
        for (int i = first; i < request.Count; i++)
        {
            if (!IsCookie(request[i])) continue;
            if (length > 0) length += Copy("; "u8, joined.AsSpan(length));
            length += Copy(request[i].Value, joined.AsSpan(length));
        }

        into.Add("cookie"u8, joined.AsSpan(0, length), neverIndexed: true);
        ArrayPool<byte>.Shared.Return(joined);
    }

    private static bool IsCookie(in HeaderView field) => field.Name.SequenceEqual("cookie"u8);

    private static int Copy(ReadOnlySpan<byte> text, Span<byte> room)
    {
        text.CopyTo(room);
        return text.Length;
    }
}
