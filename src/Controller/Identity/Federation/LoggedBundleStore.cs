using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Federation;

/// <summary>A store whose failures are said in the log, and tried again: what is kept is for the next start, and stops nothing that runs. For one thread at a time.</summary>
/// <param name="store">The store.</param>
/// <param name="logger">Where it is said.</param>
internal sealed class LoggedBundleStore(IBundleStore store, ILogger logger)
{
    private readonly Dictionary<string, Unkept> _unkept = new(StringComparer.Ordinal);

    /// <summary>What was kept; null: nothing, or it can't be read.</summary>
    public KeptBundle? Load(string trustDomain)
    {
        if (_unkept.TryGetValue(trustDomain, out Unkept? unkept)) return unkept.Bundle;
        try
        {
            return store.Load(trustDomain);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            FederationLog.NotKept(logger, trustDomain, e.Message);
            return null;
        }
    }

    /// <summary>What another controller of the mesh keeps by now; null: nothing that can be used, or there is no other.</summary>
    public KeptBundle? FindAtOtherController(string trustDomain) => store.FindAtOtherController(trustDomain);

    /// <summary>Keeps one again where another controller has taken it away, or put an older one in its place.</summary>
    public void Uphold(string trustDomain, KeptBundle bundle) => store.Uphold(trustDomain, bundle);

    /// <summary>Keeps one in place of the one before; null: none any more.</summary>
    public void Keep(string trustDomain, KeptBundle? bundle)
    {
        Unkept? before = _unkept.GetValueOrDefault(trustDomain);
        try
        {
            if (bundle is null) store.Forget(trustDomain);
            else store.Save(trustDomain, bundle);
            _unkept.Remove(trustDomain);
            if (before is not null) FederationLog.KeptAgain(logger, trustDomain);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (before?.Failure != e.Message) FederationLog.NotKept(logger, trustDomain, e.Message);
            _unkept[trustDomain] = new(bundle, e.Message);
        }
    }

    /// <summary>Tries again what could not be kept: otherwise what was withdrawn would be believed after the next start.</summary>
    public void KeepAgain()
    {
        foreach ((string trustDomain, Unkept unkept) in _unkept.ToArray()) Keep(trustDomain, unkept.Bundle);
    }

    /// <summary>Keeps nothing of any but these.</summary>
    public void ForgetAllBut(IReadOnlyCollection<string> trustDomains)
    {
        try
        {
            store.ForgetAllBut(trustDomains);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            FederationLog.OthersNotForgotten(logger, e.Message);
        }
    }

    private sealed record Unkept(KeptBundle? Bundle, string Failure);
}
