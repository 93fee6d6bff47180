namespace Culvert.Core;

/// <summary>The names by which RateLimits stand among the policies of a snapshot. No object's name has a colon, so that none of another kind can take their place.</summary>
public static class RateLimitNames
{
    private const string Prefix = "ratelimit:", NginxPrefix = "nginx-ratelimit:";

    /// <summary>The name of the policy that a RateLimit is.</summary>
    public static NamespacedName PolicyOf(NamespacedName limit) => limit with { Name = Prefix + limit.Name };

    /// <summary>The name of the policy that a RateLimit of NGINX Service Mesh is.</summary>
    public static NamespacedName PolicyOfNginx(NamespacedName limit) => limit with { Name = NginxPrefix + limit.Name };

    /// <summary>The kind of the object that a policy was made of, for people.</summary>
    public static string KindOf(NamespacedName policy) => policy.Name.StartsWith(NginxPrefix, StringComparison.Ordinal) ? "RateLimit of NGINX" : "RateLimit";

    /// <summary>The name of the object that a policy was made of.</summary>
    public static NamespacedName ObjectOf(NamespacedName policy) => policy with { Name = policy.Name[(policy.Name.IndexOf(':', StringComparison.Ordinal) + 1)..] };
}
