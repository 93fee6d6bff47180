namespace Culvert.Controller.Identity.Federation;

/// <summary>Keeps the bundles of other trust domains for the next start. For one thread at a time for each trust domain.</summary>
internal interface IBundleStore
{
    /// <summary>What was kept; null: nothing.</summary>
    /// <exception cref="IOException">It can't be read, or is open to others.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    KeptBundle? Load(string trustDomain);

    /// <summary>What another controller of the mesh keeps by now; null: nothing that can be used, or there is no other.</summary>
    KeptBundle? FindAtOtherController(string trustDomain);

    /// <summary>Keeps one in place of the one before.</summary>
    /// <exception cref="IOException">It can't be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    void Save(string trustDomain, KeptBundle bundle);

    /// <summary>Keeps one again where another controller has taken it away, or put an older one in its place; nothing where there is no other.</summary>
    void Uphold(string trustDomain, KeptBundle bundle);

    /// <summary>Keeps nothing of a trust domain any more.</summary>
    /// <exception cref="IOException">It can't be deleted.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be deleted.</exception>
    void Forget(string trustDomain);

    /// <summary>Keeps nothing of any but these, as after a run without the others. Where there are other controllers, which may name them, it goes after a while.</summary>
    /// <exception cref="IOException">Something can't be deleted.</exception>
    /// <exception cref="UnauthorizedAccessException">Something may not be deleted.</exception>
    void ForgetAllBut(IReadOnlyCollection<string> trustDomains);
}
