namespace Culvert.Kubernetes.Transport;

/// <summary>A request to the API.</summary>
/// <param name="Verb">As roles name it: get, list, watch, create, update, patch, delete.</param>
/// <param name="Resource"><c>plural.group</c>.</param>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Path and query.</param>
internal sealed record ApiRequest(string Verb, string Resource, HttpMethod Method, string Path)
{
    /// <summary>What it is about, for messages: the object's name, or empty.</summary>
    public string Subject { get; init; } = "";

    public ReadOnlyMemory<byte> Body { get; init; }

    public string ContentType { get; init; } = "application/json";

    /// <summary>What was asked, for messages.</summary>
    public string What => Subject.Length == 0 ? $"{Verb} {Resource}" : $"{Verb} {Resource} {Subject}";
}
