namespace Culvert.Controller.Admission;

/// <summary>What is changed of a ValidatingWebhookConfiguration.</summary>
/// <param name="Webhooks">Some of its webhooks, known by their names.</param>
internal sealed record WebhookPatch(IReadOnlyList<WebhookPatch.Webhook> Webhooks)
{
    /// <summary>One of them.</summary>
    /// <param name="Name">Which one.</param>
    /// <param name="ClientConfig">What is changed of how it is reached.</param>
    internal sealed record Webhook(string Name, Client ClientConfig);

    /// <summary>How it is reached.</summary>
    /// <param name="CaBundle">Roots in PEM; in JSON base64.</param>
    internal sealed record Client(byte[] CaBundle);
}
