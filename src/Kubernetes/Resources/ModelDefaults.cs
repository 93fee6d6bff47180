using System.Collections.ObjectModel;
using k8s.Models;

namespace Culvert.Kubernetes.Resources;

/// <summary>
/// Values of fields that an object does not have. The package leaves them null, and its types don't say so to the compiler. Objects that
/// were read have all parts and collections that
/// are used here: the API leaves empty ones out or says null.
/// </summary>
internal static class ModelDefaults
{
    private static readonly IDictionary<string, string> NoStrings = ReadOnlyDictionary<string, string>.Empty;
    private static readonly IDictionary<string, byte[]> NoBytes = ReadOnlyDictionary<string, byte[]>.Empty;

    /// <summary>What is called with an object of a type after it was read; null where nothing is to be done.</summary>
    public static Action<object>? Of(Type type) => Actions.GetValueOrDefault(type);

    private static readonly Dictionary<Type, Action<object>> Actions = new()
    {
        [typeof(V1ObjectMeta)] = o => Fill((V1ObjectMeta)o),
        [typeof(V1Pod)] = o => Fill((V1Pod)o),
        [typeof(V1PodSpec)] = o => Fill((V1PodSpec)o),
        [typeof(V1PodStatus)] = o => Fill((V1PodStatus)o),
        [typeof(V1Container)] = o => ((V1Container)o).Ports ??= Array.Empty<V1ContainerPort>(),
        [typeof(V1ContainerPort)] = o => ((V1ContainerPort)o).Protocol ??= "TCP",
        [typeof(V1ContainerStatus)] = o => Fill((V1ContainerStatus)o),
        [typeof(V1Namespace)] = o => Fill((V1Namespace)o),
        [typeof(V1Service)] = o => Fill((V1Service)o),
        [typeof(V1Secret)] = o => Fill((V1Secret)o),
        [typeof(V1ConfigMap)] = o => Fill((V1ConfigMap)o),
        [typeof(Corev1Event)] = o => Fill((Corev1Event)o),
        [typeof(V1Deployment)] = o => Fill((V1Deployment)o),
        [typeof(V1DaemonSet)] = o => Fill((V1DaemonSet)o),
        [typeof(V1DaemonSetSpec)] = o => Fill((V1DaemonSetSpec)o),
        [typeof(V1PodTemplateSpec)] = o => Fill((V1PodTemplateSpec)o),
        [typeof(V1TokenReview)] = o => Fill((V1TokenReview)o),
        [typeof(V1TokenReviewStatus)] = o => Fill((V1TokenReviewStatus)o),
        [typeof(V1CustomResourceDefinition)] = o => Fill((V1CustomResourceDefinition)o),
        [typeof(V1CustomResourceDefinitionSpec)] = o => ((V1CustomResourceDefinitionSpec)o).Versions ??= Array.Empty<V1CustomResourceDefinitionVersion>(),
        [typeof(V1CustomResourceDefinitionStatus)] = o => ((V1CustomResourceDefinitionStatus)o).Conditions ??= Array.Empty<V1CustomResourceDefinitionCondition>(),
        [typeof(V1ValidatingWebhookConfiguration)] = o => Fill((V1ValidatingWebhookConfiguration)o),
        [typeof(V1ValidatingWebhook)] = o => ((V1ValidatingWebhook)o).ClientConfig ??= new(),
    };

    private static V1ObjectMeta Fill(V1ObjectMeta? meta)
    {
        meta ??= new();
        meta.Labels ??= NoStrings;
        meta.Annotations ??= NoStrings;
        meta.OwnerReferences ??= Array.Empty<V1OwnerReference>();
        meta.Finalizers ??= Array.Empty<string>();
        return meta;
    }

    private static void Fill(V1Pod pod)
    {
        pod.Metadata ??= Fill((V1ObjectMeta?)null);
        pod.Spec ??= Fill((V1PodSpec?)null);
        pod.Status ??= Fill((V1PodStatus?)null);
    }

    private static V1PodSpec Fill(V1PodSpec? spec)
    {
        spec ??= new();
        spec.ServiceAccountName ??= "default";
        spec.Containers ??= Array.Empty<V1Container>();
        spec.InitContainers ??= Array.Empty<V1Container>();
        return spec;
    }

    private static V1PodStatus Fill(V1PodStatus? status)
    {
        status ??= new();
        status.PodIPs ??= Array.Empty<V1PodIP>();
        status.Conditions ??= Array.Empty<V1PodCondition>();
        status.ContainerStatuses ??= Array.Empty<V1ContainerStatus>();
        return status;
    }

    private static void Fill(V1ContainerStatus status)
    {
        status.State ??= new();
        status.LastState ??= new();
    }

    private static void Fill(V1Namespace item)
    {
        item.Metadata ??= Fill((V1ObjectMeta?)null);
        item.Status ??= new();
    }

    private static void Fill(V1Service item)
    {
        item.Metadata ??= Fill((V1ObjectMeta?)null);
        item.Spec ??= new();
    }

    private static void Fill(V1Secret item)
    {
        item.Metadata ??= Fill((V1ObjectMeta?)null);
        item.Data ??= NoBytes;
    }

    private static void Fill(V1ConfigMap item)
    {
        item.Metadata ??= Fill((V1ObjectMeta?)null);
        item.Data ??= NoStrings;
    }

    private static void Fill(Corev1Event item)
    {
        item.Metadata ??= Fill((V1ObjectMeta?)null);
        item.InvolvedObject ??= new();
        item.Message ??= "";
        item.Reason ??= "";
    }

    private static void Fill(V1Deployment item)
    {
        item.Metadata ??= Fill((V1ObjectMeta?)null);
        item.Spec ??= new();
        item.Status ??= new();
    }

    private static void Fill(V1DaemonSet item)
    {
        item.Metadata ??= Fill((V1ObjectMeta?)null);
        item.Spec ??= Fill(new V1DaemonSetSpec());
        item.Status ??= new();
    }

    private static V1DaemonSetSpec Fill(V1DaemonSetSpec spec)
    {
        spec.Template ??= Fill(new V1PodTemplateSpec());
        return spec;
    }

    private static V1PodTemplateSpec Fill(V1PodTemplateSpec template)
    {
        template.Spec ??= Fill((V1PodSpec?)null);
        return template;
    }

    private static void Fill(V1TokenReview item)
    {
        item.Metadata ??= Fill((V1ObjectMeta?)null);
        item.Status ??= Fill(new V1TokenReviewStatus());
    }

    private static V1TokenReviewStatus Fill(V1TokenReviewStatus status)
    {
        status.Authenticated ??= false;
        status.User ??= new();
        status.Audiences ??= Array.Empty<string>();
        return status;
    }

    private static void Fill(V1CustomResourceDefinition item)
    {
        item.Metadata ??= Fill((V1ObjectMeta?)null);
        item.Spec ??= new() { Versions = Array.Empty<V1CustomResourceDefinitionVersion>() };
        item.Status ??= new() { Conditions = Array.Empty<V1CustomResourceDefinitionCondition>() };
    }

    private static void Fill(V1ValidatingWebhookConfiguration item)
    {
        item.Metadata ??= Fill((V1ObjectMeta?)null);
        item.Webhooks ??= Array.Empty<V1ValidatingWebhook>();
    }
}
