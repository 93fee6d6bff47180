using System.Globalization;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Versions of objects at an API server (<c>resourceVersion</c>): the later of one kind is the greater, which Kubernetes guarantees since 1.35 and those before have had by etcd.</summary>
internal static class ApiVersions
{
    /// <summary>A version as a number; 0 where it is none.</summary>
    public static ulong Number(string? version) => ulong.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : 0;
}
