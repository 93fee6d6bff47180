using System.Collections.Immutable;
using Culvert.Controller.Identity;
using Culvert.Controller.Tests.Identity.Upstream;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>An authority whose roots a test sets, and which signs nothing.</summary>
internal sealed class ChangingRoots : ICertificateAuthority
{
    public event Action? RootsChanged;

    public ImmutableArray<ReadOnlyMemory<byte>> Roots { get; private set; } = [];

    public void Set(params CaFiles[] roots)
    {
        Roots = [.. roots.Select(r => (ReadOnlyMemory<byte>)r.Certificate.RawData)];
        RootsChanged?.Invoke();
    }

    public Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();
}
