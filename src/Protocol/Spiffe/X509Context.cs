using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Protocol.Spiffe;

/// <summary>What the Workload API says of whoever asks: a certificate with its key, and what its peers lead to. Immutable.</summary>
/// <param name="Id">Who that is.</param>
/// <param name="Certificate">To be shown in handshakes.</param>
/// <param name="NotAfter">The certificate's end.</param>
/// <param name="Roots">Of the trust domain, in DER.</param>
public sealed record X509Context(SpiffeId Id, SslClientIdentity Certificate, DateTimeOffset NotAfter, ImmutableArray<ReadOnlyMemory<byte>> Roots);
