namespace Grpc.Core;

/// <summary>Stands on the generated base class of a service and names the generated method that binds it.</summary>
/// <param name="bindType">The type that has the method.</param>
/// <param name="bindMethodName">Name of the static method, which takes a <see cref="ServiceBinderBase"/> and an implementation.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class BindServiceMethodAttribute(Type bindType, string bindMethodName) : Attribute
{
    /// <summary>The type that has the method.</summary>
    public Type BindType { get; } = bindType;

    /// <summary>Name of the method.</summary>
    public string BindMethodName { get; } = bindMethodName;
}
