namespace Culvert.Kubernetes.Transport;

/// <summary>A request to the API.</summary>
/// <param name="Verb">The verb as roles name it: get, list, watch, create, update, patch, delete.</param>
/// <param name="Resource"><c>plural.group</c>.</param>
/// <param name="Send">Sends the request once with the package's client. The content of the answer is not read.</param>
internal sealed record ApiRequest(string Verb, string Resource, Func<PackageClient, CancellationToken, Task<HttpResponseMessage>> Send)
{
    /// <summary>The object's name for messages, or empty.</summary>
    public string Subject { get; init; } = "";

    /// <summary>What was asked, for messages.</summary>
    public string What => Subject.Length == 0 ? $"{Verb} {Resource}" : $"{Verb} {Resource} {Subject}";
}
