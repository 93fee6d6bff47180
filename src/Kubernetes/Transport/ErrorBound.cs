namespace Culvert.Kubernetes.Transport;

/// <summary>Bounds the content of answers that say an error. The package reads such content as a whole.</summary>
internal sealed class ErrorBound : DelegatingHandler
{
    // A Status names causes; beyond that it is no Status.
    private const int Largest = 1 << 20;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
        if (response.IsSuccessStatusCode) return response;
        try
        {
            using HttpContent content = response.Content;
            Stream stream = await content.ReadAsStreamAsync(cancellationToken);
            response.Content = new ReadOnlyMemoryContent(await BoundedReader.ReadAsync(stream, Largest, cancellationToken) ?? default);
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }
}
