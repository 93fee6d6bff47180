using System.Collections.Immutable;
using Culvert.Controller.Identity;

namespace Culvert.Controller.Tests;

/// <summary>An authority that can be told to fail, before another that signs.</summary>
internal sealed class StandInAuthority(ICertificateAuthority inner) : ICertificateAuthority
{
    /// <summary>How it fails; null: it signs.</summary>
    public AuthorityException? Failure { get; set; }

    public ImmutableArray<ReadOnlyMemory<byte>> Roots => inner.Roots;

    public TimeSpan Backdating => inner.Backdating;

    public event Action? RootsChanged
    {
        add => inner.RootsChanged += value;
        remove => inner.RootsChanged -= value;
    }

    public async Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken)
    {
        // An authority outside answers on another thread, later.
        await Task.Yield();
        return Failure is { } failure ? throw failure : await inner.SignAsync(request, cancellationToken);
    }
}
