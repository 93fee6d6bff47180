using System.Reflection;
using Grpc.Core;

namespace Culvert.Tests.Shared;

/// <summary>
/// The methods of generated service bases are virtual and answer UNIMPLEMENTED, so that the compiler does not miss one that an implementation forgets. Tests do.
/// </summary>
internal static class GeneratedServices
{
    /// <summary>For each implementation of a generated service: the methods that it does not override.</summary>
    /// <param name="assembly">Where the implementations are.</param>
    public static Dictionary<string, string[]> MethodsLeftOut(Assembly assembly) => assembly.GetTypes()
        .Where(type => !type.IsAbstract && BaseOf(type) is not null)
        .ToDictionary(type => type.Name, type => MethodsLeftOut(type, BaseOf(type)!), StringComparer.Ordinal);

    private static string[] MethodsLeftOut(Type implementation, Type serviceBase) =>
    [
        .. serviceBase.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(method => method.IsVirtual)
            .Where(method => implementation.GetMethod(method.Name, [.. method.GetParameters().Select(p => p.ParameterType)])!.DeclaringType == serviceBase)
            .Select(method => method.Name),
    ];

    private static Type? BaseOf(Type type)
    {
        for (Type? t = type.BaseType; t is not null; t = t.BaseType)
        {
            if (t.IsDefined(typeof(BindServiceMethodAttribute), inherit: false)) return t;
        }
        return null;
    }
}
