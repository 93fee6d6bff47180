using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Hosting;

/// <summary>Names of objects of a cluster as options have them. Pure.</summary>
internal static class OptionNames
{
    /// <summary>Reads NAMESPACE/NAME.</summary>
    /// <param name="option">The option, for messages.</param>
    /// <param name="text">What it was given.</param>
    /// <param name="problems">Takes up what can't be used.</param>
    /// <returns>The name; null: it can't be used.</returns>
    public static ResourceName? Read(string option, string text, ICollection<string> problems)
    {
        if (text.Split('/') is [string ns, string name] && Schema.Names.Label(ns) is null && Schema.Names.Subdomain(name) is null) return new ResourceName(ns, name);
        problems.Add($"{option} takes NAMESPACE/NAME, not '{text}'");
        return null;
    }
}
