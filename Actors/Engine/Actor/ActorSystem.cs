using Mesh.Actors.Engine.Configuration;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Actor;

/// <summary>
/// A hierarchy of actors with its scheduler and event stream. Safe for concurrent use. Expensive: one for each program.
/// </summary>
public abstract class ActorSystem : IActorRefFactory, IDisposable
{
    private protected ActorSystem() { }

    public abstract string Name { get; }

    public abstract Settings Settings { get; }

    public abstract IScheduler Scheduler { get; }

    public abstract EventStream EventStream { get; }

    /// <summary>Gets what cannot be delivered.</summary>
    public abstract IActorRef DeadLetters { get; }

    /// <summary>The logger of the system itself.</summary>
    public abstract ILoggingAdapter Log { get; }

    /// <summary>Ends when the last actor has stopped and the termination callbacks have run.</summary>
    public abstract Task WhenTerminated { get; }

    /// <summary>Starts a system with the default configuration.</summary>
    /// <param name="name">Letters, digits, hyphens and underscores; the first a letter or a digit.</param>
    public static ActorSystem Create(string name) => Create(name, Config.Empty);

    /// <summary>Starts a system.</summary>
    public static ActorSystem Create(string name, Config config) => new ActorSystemImpl(name, config).Start();

    /// <summary>Starts an actor below <c>/user</c>.</summary>
    public abstract IActorRef ActorOf(Props props, string? name = null);

    public abstract void Stop(IActorRef actor);

    /// <summary>Runs the coordinated shutdown, which ends with all actors stopped.</summary>
    public abstract Task Terminate();

    /// <summary>Has code run after the last actor has stopped; the last one registered runs first.</summary>
    /// <exception cref="InvalidOperationException">The system has ended.</exception>
    public abstract void RegisterOnTermination(Action code);

    /// <summary>Returns what the extension keeps for this system, made on first use.</summary>
    public abstract object RegisterExtension(IExtensionId extension);

    /// <summary>Returns what the extension keeps for this system, made on first use.</summary>
    public abstract object GetExtension(IExtensionId extensionId);

    /// <summary>Starts termination without waiting for its end.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private protected virtual void Dispose(bool disposing) => _ = Terminate();
}

/// <summary>A system as its extensions see it.</summary>
public abstract class ExtendedActorSystem : ActorSystem
{
    private protected ExtendedActorSystem() { }

    /// <summary>Starts an actor below <c>/system</c>; these stop after all user actors.</summary>
    public abstract IActorRef SystemActorOf(Props props, string? name = null);
}

/// <summary>What an extension keeps for one system.</summary>
public interface IExtension;

/// <summary>Names an extension and makes its instances.</summary>
public interface IExtensionId
{
    Type ExtensionType { get; }

    object CreateExtension(ExtendedActorSystem system);
}

/// <summary>An extension with one instance for each system.</summary>
public abstract class ExtensionIdProvider<T> : IExtensionId
    where T : class, IExtension
{
    public Type ExtensionType => typeof(T);

    /// <summary>Returns the instance of a system, made on first use.</summary>
    public T Apply(ActorSystem system) => (T)system.RegisterExtension(this);

    public abstract T CreateExtension(ExtendedActorSystem system);

    object IExtensionId.CreateExtension(ExtendedActorSystem system) => CreateExtension(system);
}
