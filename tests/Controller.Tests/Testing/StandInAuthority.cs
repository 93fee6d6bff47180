using System.Collections.Immutable;
using System.Threading.Channels;
using Culvert.Controller.Identity;
using Culvert.Core;

namespace Culvert.Controller.Tests;

/// <summary>An authority that can be told to fail, before another that signs.</summary>
internal sealed class StandInAuthority(ICertificateAuthority inner) : ICertificateAuthority
{
    private readonly Channel<SpiffeId> _begun = Channel.CreateUnbounded<SpiffeId>();
    private int _signingJwts;

    /// <summary>What tokens wait for.</summary>
    public Task JwtsUntil { get; set; } = Task.CompletedTask;

    /// <summary>Whose tokens it has begun to sign, in turn.</summary>
    public ChannelReader<SpiffeId> BegunJwts => _begun.Reader;

    /// <summary>Tokens that are being signed.</summary>
    public int SigningJwts => Volatile.Read(ref _signingJwts);

    /// <summary>How it fails; null: it signs.</summary>
    public AuthorityException? Failure { get; set; }

    public ImmutableArray<ReadOnlyMemory<byte>> Roots => inner.Roots;

    public TimeSpan Backdating => inner.Backdating;

    public bool SignsJwts => inner.SignsJwts;

    public EquatableArray<JwtKey> JwtKeys => inner.JwtKeys;

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

    public async Task<IssuedJwt> SignJwtAsync(SpiffeId identity, IReadOnlyList<string> audience, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _signingJwts);
        _begun.Writer.TryWrite(identity);
        await JwtsUntil.WaitAsync(cancellationToken);
        Interlocked.Decrement(ref _signingJwts);
        return await inner.SignJwtAsync(identity, audience, cancellationToken);
    }
}
