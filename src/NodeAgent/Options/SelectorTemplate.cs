using System.Diagnostics.CodeAnalysis;
using Culvert.Core;

namespace Culvert.NodeAgent.Options;

/// <summary>
/// A selector of SPIRE that stands for workloads, such as <c>k8s:ns:{namespace}</c>: what is in braces is taken from the workload's identity. Immutable.
/// </summary>
/// <param name="Type">What is before the first colon.</param>
/// <param name="Value">What is behind it.</param>
public sealed record SelectorTemplate(string Type, string Value)
{
    private const string Namespace = "{namespace}";
    private const string ServiceAccount = "{serviceAccount}";

    /// <summary>What entries of SPIRE select a pod by that is known by its namespace and service account, as identities of the mesh are.</summary>
    public static IReadOnlyList<SelectorTemplate> Defaults { get; } = [new("k8s", $"ns:{Namespace}"), new("k8s", $"sa:{ServiceAccount}")];

    /// <summary>Reads <c>TYPE:VALUE</c>.</summary>
    /// <param name="text">The selector.</param>
    /// <param name="template">What was read; null on failure.</param>
    /// <param name="error">What is wrong, the end of a sentence that names the text; null where nothing is.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out SelectorTemplate? template, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        (template, error) = (null, null);
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 1 || colon == text.Length - 1) error = "is not of the form TYPE:VALUE, such as k8s:ns:{namespace}";
        else if (text.Replace(Namespace, "", StringComparison.Ordinal).Replace(ServiceAccount, "", StringComparison.Ordinal).AsSpan().IndexOfAny('{', '}') >= 0) error = $"has braces around something else than {Namespace} and {ServiceAccount}";
        else if (text.IndexOf('{', StringComparison.Ordinal) is var brace and >= 0 && brace < colon) error = "has a type that depends on the workload";
        else template = new(text[..colon], text[(colon + 1)..]);
        return template is not null;
    }

    /// <summary>The selector of an identity's workloads, value without type; null where the identity names no namespace and account, and the selector needs them.</summary>
    public string? ValueFor(SpiffeId identity)
    {
        ArgumentNullException.ThrowIfNull(identity);
        if (identity.Namespace is null && ToString().Contains('{', StringComparison.Ordinal)) return null;
        return Value.Replace(Namespace, identity.Namespace, StringComparison.Ordinal).Replace(ServiceAccount, identity.ServiceAccount, StringComparison.Ordinal);
    }

    /// <summary>As it was written.</summary>
    public override string ToString() => $"{Type}:{Value}";
}
