using Culvert.NodeAgent.Identity;
using Culvert.Protocol.WorkloadApi;
using Google.Protobuf;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>What an application is told of its certificate, and of those that it may believe. Immutable.</summary>
/// <param name="Svid">Its certificate and key.</param>
/// <param name="Roots">Whom it may believe.</param>
internal sealed record X509State(Svid Svid, EncodedRoots Roots)
{
    /// <summary>As FetchX509SVID answers.</summary>
    internal EncodedMessage ToSvids()
    {
        byte[] chain = [.. Svid.Chain.SelectMany(c => c)];
        X509SVIDResponse own = new()
        {
            Svids =
            {
                new X509SVID
                {
                    SpiffeId = Svid.Id.ToString(),
                    X509Svid = ByteString.CopyFrom(chain),
                    X509SvidKey = Svid.PrivateKey.Use(key => ByteString.CopyFrom(key.Span)),
                    Bundle = Roots.Own,
                },
            },
        };
        return new EncodedMessage(own.ToByteArray(), Roots.Federated);
    }
}
