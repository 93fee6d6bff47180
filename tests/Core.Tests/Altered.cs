using System.Collections.Immutable;
using System.Net;
using System.Reflection;

namespace Culvert.Core.Tests;

/// <summary>Records with one field that is other than it was, for tests that have to know every field.</summary>
internal static class Altered
{
    /// <summary>The fields of a record that can be set.</summary>
    public static IEnumerable<string> FieldsOf<T>() => typeof(T).GetProperties().Where(p => p.CanWrite).Select(p => p.Name);

    /// <summary>Sets a field of the record to another value.</summary>
    /// <exception cref="NotSupportedException">Nobody has said which, for a field of that type.</exception>
    public static T In<T>(T record, string field)
    {
        PropertyInfo property = typeof(T).GetProperty(field)!;
        property.SetValue(record, property.GetValue(record) switch
        {
            bool b => !b,
            double d => d + 0.1,
            TimeSpan t => t + t,
            Enum e => Enum.GetValues(e.GetType()).Cast<object>().First(v => !v.Equals(e)),
            SpiffeId => Given.Id("other", "other"),
            NamespacedName => new NamespacedName("other", "other"),
            EquatableArray<IpPrefix> => (EquatableArray<IpPrefix>)[IpPrefix.Host(IPAddress.Loopback)],
            EquatableArray<ushort> => (EquatableArray<ushort>)[(ushort)80],
            EquatableArray<IPAddress> => (EquatableArray<IPAddress>)[IPAddress.Loopback],
            EquatableArray<NamespacedName> => (EquatableArray<NamespacedName>)[new NamespacedName("shop", "other")],
            EquatableArray<string> => (EquatableArray<string>)["other"],
            EquatableArray<StringPattern> => (EquatableArray<StringPattern>)[StringPattern.Parse("a*")],
            EquatableArray<ExternalAuthorizer> => (EquatableArray<ExternalAuthorizer>)[new ExternalAuthorizer { Name = "opa", Service = new("auth", "opa"), Port = 9191 }],
            EquatableArray<NamedPort> => (EquatableArray<NamedPort>)[new NamedPort("web", 8080, TransportProtocol.Tcp)],
            EquatableArray<TransportPort> => (EquatableArray<TransportPort>)[new TransportPort(80, TransportProtocol.Tcp)],
            EquatableArray<TrustedProxies> => (EquatableArray<TrustedProxies>)[new TrustedProxies([], [])],
            EquatableArray<ApplicationPort> => (EquatableArray<ApplicationPort>)[new ApplicationPort(80, "http")],
            EquatableArray<PathPattern> => (EquatableArray<PathPattern>)[PathPattern.Parse("/a*")],
            EquatableArray<RouteExpression> => (EquatableArray<RouteExpression>)[Given.Expression("a.*")],
            EquatableArray<HeaderCondition> => (EquatableArray<HeaderCondition>)[new HeaderCondition { Name = "x-team" }],
            EquatableArray<ClaimCondition> => (EquatableArray<ClaimCondition>)[new ClaimCondition { Path = ["a"] }],
            AccessLogSettings => new AccessLogSettings { Mode = AccessLogMode.All },
            RevokedCredentials => new RevokedCredentials { Identities = [Given.Id("other", "other")] },
            TracingSettings => new TracingSettings { Mode = TracingMode.Enabled },
            null when property.PropertyType == typeof(WorkloadOwner) => new WorkloadOwner(WorkloadOwnerKind.Job, "other"),
            null when property.PropertyType == typeof(TokenConditions) => new TokenConditions { Principals = [StringPattern.Parse("a*")] },
            null when property.PropertyType == typeof(RequestConditions) => new RequestConditions { Methods = ["GET"] },
            ImmutableSortedDictionary<string, string> labels => labels.Add("other", "label"),
            string or null when property.PropertyType == typeof(string) => "other",
            null when property.PropertyType == typeof(TransportProtocol?) => TransportProtocol.Udp,
            _ => throw new NotSupportedException($"give {property.PropertyType} another value here, so that {field} is tested"),
        });
        return record;
    }
}
