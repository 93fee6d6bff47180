using System.Globalization;

namespace Culvert.Kubernetes.Configuration;

/// <summary>What the kubelet gives every pod: the address in the environment, token and certificate of the authority as files that it renews.</summary>
public static class InCluster
{
    /// <summary>Where service accounts' files are in a pod.</summary>
    public const string DefaultFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

    private const string Host = "KUBERNETES_SERVICE_HOST";
    private const string Port = "KUBERNETES_SERVICE_PORT";

    /// <summary>Whether this looks like a pod.</summary>
    /// <param name="environment">Reads a variable; null when it is not set.</param>
    public static bool IsHere(Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return !string.IsNullOrEmpty(environment(Host)) && !string.IsNullOrEmpty(environment(Port));
    }

    /// <summary>Reads it.</summary>
    /// <param name="environment">Reads a variable; null when it is not set.</param>
    /// <param name="folder">Folder of the service account's files.</param>
    /// <exception cref="ConfigurationException">It is not complete.</exception>
    public static ClusterConfiguration Load(Func<string, string?> environment, string folder = DefaultFolder)
    {
        ArgumentNullException.ThrowIfNull(environment);
        if (environment(Host) is not { Length: > 0 } host || environment(Port) is not { Length: > 0 } port)
        {
            throw new ConfigurationException($"this is no pod of a cluster: {Host} and {Port} are not set");
        }
        if (!ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) || number == 0) throw new ConfigurationException($"{Port}: '{port}' is no port");
        if (Uri.CheckHostName(host.Trim('[', ']')) == UriHostNameType.Unknown) throw new ConfigurationException($"{Host}: '{host}' is no host");
        string token = Path.Combine(folder, "token"), authority = Path.Combine(folder, "ca.crt"), inNamespace = Path.Combine(folder, "namespace");
        foreach (string needed in (string[])[token, authority])
        {
            if (!File.Exists(needed)) throw new ConfigurationException("is not there; does the pod mount its service account's token?", needed);
        }
        return new()
        {
            Server = new UriBuilder(Uri.UriSchemeHttps, host, number).Uri,
            Origin = "the pod's service account",
            Namespace = ReadNamespace(inNamespace) ?? "default",
            Authority = PemSource.OfFile(authority),
            Credentials = new() { TokenFile = token },
        };
    }

    private static string? ReadNamespace(string file)
    {
        try
        {
            return File.Exists(file) && File.ReadAllText(file).Trim() is { Length: > 0 } name ? name : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"can't be read: {e.Message}", file, innerException: e);
        }
    }
}
