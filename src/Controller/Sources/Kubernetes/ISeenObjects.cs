namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Is told what statuses objects have, by one caller at a time.</summary>
internal interface ISeenObjects
{
    /// <summary>An object is there, with this status.</summary>
    void See(string place, SeenObject seen);

    /// <summary>An object is gone.</summary>
    void Forget(string place);
}
