using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Kept;

/// <summary>A response to a request of GET that is kept, whole. Nothing of it changes; may be read by many threads.</summary>
internal sealed class KeptResponse
{
    // Beside names and values: objects, entries of lists, and the place in the store.
    private const int OfResponse = 768, OfField = 48;

    /// <summary>Whose it is.</summary>
    internal required KeptOwner Owner { get; init; }

    /// <summary>What all requests have in common that it may answer: owner, host, and path with query.</summary>
    internal required byte[] Key { get; init; }

    /// <summary>What of its request tells more than the key what was asked for, so that others have to say the same; see <see cref="KeyedFields"/>.</summary>
    internal required HeaderList Keyed { get; init; }

    /// <summary>The names of the request's fields by which it varies, in lower case.</summary>
    internal required byte[][] VaryNames { get; init; }

    /// <summary>These fields, as its request had them.</summary>
    internal required HeaderList VaryFields { get; init; }

    /// <summary>Its head with <c>:status</c>, without what is about one message only.</summary>
    internal required HeaderList Head { get; init; }

    /// <summary>Its body.</summary>
    internal required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>For how long it is good.</summary>
    internal required CacheFreshness Freshness { get; init; }

    /// <summary>Whether it may answer requests that are for somebody in particular.</summary>
    internal required bool IsForAll { get; init; }

    /// <summary>When it came, in milliseconds of the store's clock.</summary>
    internal required long Received { get; init; }

    /// <summary>Whether its server can be asked whether it is still the same.</summary>
    internal bool HasValidator => (Head.TryGet("etag"u8, out ReadOnlySpan<byte> tag) && EntityTags.IsTag(tag)) || (Head.TryGet("last-modified"u8, out ReadOnlySpan<byte> date) && HttpDate.TryRead(date, out _));

    /// <summary>The bytes that it takes.</summary>
    internal long Size => OfResponse + Key.Length + Body.Length + SizeOf(Keyed) + SizeOf(VaryFields) + SizeOf(Head) + VaryNames.Sum(n => n.Length + OfField);

    /// <summary>How many requests are being answered with it; the store's.</summary>
    internal int Readers { get; set; }

    /// <summary>Its place in the order of use; the store's.</summary>
    internal LinkedListNode<KeptResponse>? Place { get; set; }

    /// <summary>Whether a request with the key may be answered with it, as far as its fields say.</summary>
    /// <param name="keyed">Those of its fields that count as the key does.</param>
    /// <param name="request">Its head.</param>
    internal bool Answers(HeaderList keyed, HeaderList request) => AreSame(Keyed, keyed) && VariesAs(request);

    /// <summary>Whether it was the answer to the same as another, so that one of both is enough.</summary>
    internal bool IsOfSame(KeptResponse other) => AreSame(Keyed, other.Keyed) && VaryNames.Length == other.VaryNames.Length && AreSame(VaryFields, other.VaryFields);

    /// <summary>The same with its body.</summary>
    internal KeptResponse With(ReadOnlyMemory<byte> body) => Copy(Head, body, Freshness, IsForAll, Received);

    /// <summary>The same as its server has said anew that it is.</summary>
    /// <param name="head">Its head now.</param>
    /// <param name="freshness">For how long it is good.</param>
    /// <param name="isForAll">Whether it may answer requests that are for somebody in particular.</param>
    /// <param name="received">When that was said.</param>
    internal KeptResponse With(HeaderList head, in CacheFreshness freshness, bool isForAll, long received) => Copy(head, Body, freshness, isForAll, received);

    private KeptResponse Copy(HeaderList head, ReadOnlyMemory<byte> body, in CacheFreshness freshness, bool isForAll, long received) => new()
    {
        Owner = Owner,
        Key = Key,
        Keyed = Keyed,
        VaryNames = VaryNames,
        VaryFields = VaryFields,
        Head = head,
        Body = body,
        Freshness = freshness,
        IsForAll = isForAll,
        Received = received,
    };

    // Of each name the same values in the same order.
    private bool VariesAs(HeaderList request)
    {
        foreach (byte[] name in VaryNames)
        {
            int at = 0;
            for (int i = 0; i < request.Count; i++)
            {
                if (!request[i].Name.SequenceEqual(name)) continue;
                while (at < VaryFields.Count && !VaryFields[at].Name.SequenceEqual(name)) at++;
                if (at == VaryFields.Count || !VaryFields[at].Value.SequenceEqual(request[i].Value)) return false;
                at++;
            }

            for (; at < VaryFields.Count; at++)
            {
                if (VaryFields[at].Name.SequenceEqual(name)) return false;
            }
        }

        return true;
    }

    private static bool AreSame(HeaderList one, HeaderList other)
    {
        if (one.Count != other.Count) return false;
        for (int i = 0; i < one.Count; i++)
        {
            if (!one[i].Name.SequenceEqual(other[i].Name) || !one[i].Value.SequenceEqual(other[i].Value)) return false;
        }

        return true;
    }

    private static long SizeOf(HeaderList fields)
    {
        long size = 0;
        for (int i = 0; i < fields.Count; i++) size += fields[i].Name.Length + fields[i].Value.Length + OfField;
        return size;
    }
}
