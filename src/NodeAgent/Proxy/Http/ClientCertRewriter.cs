using System.Text;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Puts the client's identity into requests, in place of what the client says of it itself: a list of its own. Used for one after the other; belongs to its loop's thread.</summary>
internal sealed class ClientCertRewriter
{
    private readonly HeaderList _changed = new();
    private string? _text;
    private byte[] _value = [];

    private static ReadOnlySpan<byte> Name => "x-forwarded-client-cert"u8;

    /// <summary>Writes one. Allocates nothing while identities stay the same.</summary>
    /// <param name="request">The request.</param>
    /// <param name="value">What the header says; empty: there is none.</param>
    /// <returns>A list that is valid until the next call; its path may be changed in place.</returns>
    internal HeaderList Rewrite(HeaderList request, string value)
    {
        if (!ReferenceEquals(_text, value)) (_text, _value) = (value, Encoding.ASCII.GetBytes(value));
        _changed.Clear();
        for (int i = 0; i < request.Count; i++)
        {
            HeaderView field = request[i];
            if (!IsIt(field.Name)) _changed.Add(field.Name, field.Value, field.NeverIndexed);
        }

        if (_value.Length > 0) _changed.Add(Name, _value);
        return _changed;
    }

    /// <summary>Whether a header is the one, or one that many applications take for it (<c>_</c> for <c>-</c>).</summary>
    /// <param name="name">Its name, in lower case.</param>
    internal static bool IsIt(ReadOnlySpan<byte> name)
    {
        if (name.Length != Name.Length) return false;
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] != Name[i] && !(Name[i] == (byte)'-' && name[i] == (byte)'_')) return false;
        }

        return true;
    }
}
