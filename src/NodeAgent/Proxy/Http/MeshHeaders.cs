using System.Text;
using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Removes from requests the headers that are the mesh's own or an external authorizer's to set, and says in one of them who the client is: a list of its own. Used for one after the other; belongs to its loop's thread.</summary>
internal sealed class MeshHeaders
{
    private static readonly HeaderNames ClientCertNames = new(["x-forwarded-client-cert"]);

    private readonly HeaderList _changed = new();
    private string? _text;
    private byte[] _clientCert = [];

    private static ReadOnlySpan<byte> ClientCert => "x-forwarded-client-cert"u8;

    private static ReadOnlySpan<byte> ProxyStatus => "proxy-status"u8;

    /// <summary>Whether policy has such headers.</summary>
    internal static bool AreSet(RequestRules rules) => rules.ClientCert is not null || rules.HasAuthorizersHeaders;

    /// <summary>Writes a request. Allocates nothing while the identity stays the same.</summary>
    /// <param name="rules">What policy says of it.</param>
    /// <param name="request">The request.</param>
    /// <returns>A list that is valid until the next call; its path may be changed in place.</returns>
    internal HeaderList Rewrite(RequestRules rules, HeaderList request)
    {
        string clientCert = rules.ClientCert ?? "";
        if (!ReferenceEquals(_text, clientCert)) (_text, _clientCert) = (clientCert, Encoding.ASCII.GetBytes(clientCert));
        _changed.Clear();
        for (int i = 0; i < request.Count; i++)
        {
            HeaderView field = request[i];
            if (!IsTakenAway(rules, field.Name)) _changed.Add(field.Name, field.Value, field.NeverIndexed);
        }

        if (_clientCert.Length > 0) _changed.Add(ClientCert, _clientCert);
        return _changed;
    }

    /// <summary>Removes them from the trailers of a request.</summary>
    internal static void Clean(RequestRules rules, HeaderList trailers)
    {
        for (int i = 0; i < trailers.Count;)
        {
            if (IsTakenAway(rules, trailers[i].Name)) trailers.Remove(trailers[i].Name);
            else i++;
        }
    }

    /// <summary>Removes from an application's response that a proxy of the mesh has answered (RFC 9209): it has not, and clients and other nodes go by it.</summary>
    internal static void CleanResponse(HeaderList response)
    {
        for (int i = 0; i < response.Count; i++)
        {
            if (!response[i].Name.SequenceEqual(ProxyStatus) || response[i].Value.IndexOf("culvert"u8) < 0) continue;
            response.Remove(ProxyStatus);
            return;
        }
    }

    /// <summary>Whether a header is the one that says who the client is, or one that many applications take for it (<c>_</c> for <c>-</c>).</summary>
    /// <param name="name">Its name, in lower case.</param>
    internal static bool IsClientCert(ReadOnlySpan<byte> name) => name.Length == ClientCert.Length && ClientCertNames.Has(name);

    private static bool IsTakenAway(RequestRules rules, ReadOnlySpan<byte> name) => rules.IsAuthorizersHeader(name) || (rules.ClientCert is not null && IsClientCert(name));
}
