using Culvert.Controller.Objects;

namespace Culvert.Controller.Schema;

/// <summary>Reads what kinds of specs.smi.nginx.com are about: a Service of their own namespace.</summary>
internal static class NginxDestination
{
    /// <summary>Reads <c>destination</c>.</summary>
    /// <returns>The Service's name; empty where there is none, which has been said.</returns>
    public static string Read(FieldReader spec, ObjectMeta meta, string kind)
    {
        if (spec.Map("destination", required: true) is not { } destination) return "";
        if (destination.String("kind", required: true) is { } target && target != "Service") destination.Fail("kind", $"'{target}' is not supported; Service is");
        string name = destination.String("name", Names.Subdomain, required: true) ?? "";
        if (destination.String("namespace", Names.Label) is { } ns && ns != meta.Namespace) destination.Fail("namespace", $"'{ns}' is not supported: a {kind} is about a Service of its own namespace, {meta.Namespace}");
        destination.Done();
        return name;
    }
}
