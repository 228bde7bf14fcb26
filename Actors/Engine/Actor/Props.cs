using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Linq.Expressions;
using System.Reflection;
using System.Runtime.ExceptionServices;

namespace Mesh.Actors.Engine.Actor;

/// <summary>Makes actors by means of its own; asked again on every restart.</summary>
public interface IIndirectActorProducer
{
    Type ActorType { get; }

    ActorBase Produce();

    /// <summary>Called when the engine is done with an instance.</summary>
    void Release(ActorBase actor);
}

/// <summary>
/// Says how an actor is made. Constructor arguments are evaluated once, here, and used again on each restart. Immutable, safe to share.
/// </summary>
public sealed class Props
{
    internal const int NoStashCapacity = -1;

    readonly IIndirectActorProducer _producer;

    Props(IIndirectActorProducer producer, object?[] arguments, SupervisorStrategy? strategy, int stashCapacity)
    {
        _producer = producer;
        Arguments = arguments;
        SupervisorStrategy = strategy;
        StashCapacity = stashCapacity;
    }

    /// <summary>An actor that handles nothing.</summary>
    public static Props Empty { get; } = Create<EmptyActor>((SupervisorStrategy?)null);

    public Type Type => _producer.ActorType;

    public string TypeName => Type.AssemblyQualifiedName ?? Type.Name;

    public object?[] Arguments { get; }

    /// <summary>Overrides the actor's own strategy for its children, if not null.</summary>
    public SupervisorStrategy? SupervisorStrategy { get; }

    internal int StashCapacity { get; }

    /// <summary>Takes the constructor call in the expression apart; only <c>() =&gt; new X(...)</c> will do.</summary>
    /// <exception cref="ArgumentException">The expression is not a plain constructor call.</exception>
    public static Props Create<TActor>(Expression<Func<TActor>> factory, SupervisorStrategy? supervisorStrategy = null)
        where TActor : ActorBase
    {
        ArgumentNullException.ThrowIfNull(factory);
        if (factory.Body is not NewExpression { Constructor: { } constructor } creation)
            throw new ArgumentException("The factory must be a plain constructor call: () => new X(a, b).", nameof(factory));
        var arguments = new object?[creation.Arguments.Count];
        for (var index = 0; index < arguments.Length; index++)
            arguments[index] = Evaluate(creation.Arguments[index]);
        return new Props(new ConstructorProducer(constructor, arguments), arguments, supervisorStrategy, NoStashCapacity);
    }

    /// <summary>Picks the public constructor that fits the arguments, when the actor is made.</summary>
    public static Props Create<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TActor>(params object[] args)
        where TActor : ActorBase => Create(typeof(TActor), args);

    public static Props Create<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TActor>(
        SupervisorStrategy? supervisorStrategy)
        where TActor : ActorBase, new() => new(ParameterlessProducer<TActor>.Instance, [], supervisorStrategy, NoStashCapacity);

    /// <inheritdoc cref="Create{TActor}(object[])"/>
    public static Props Create(
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] Type type, params object[] args)
    {
        ArgumentNullException.ThrowIfNull(type);
        return new Props(new TypeProducer(type, args ?? []), args ?? [], null, NoStashCapacity);
    }

    public static Props CreateBy(IIndirectActorProducer producer, params object[] args)
    {
        ArgumentNullException.ThrowIfNull(producer);
        return new Props(producer, args ?? [], null, NoStashCapacity);
    }

    public Props WithSupervisorStrategy(SupervisorStrategy? supervisorStrategy) =>
        new(_producer, Arguments, supervisorStrategy, StashCapacity);

    /// <summary>Bounds the stash; -1 is unbounded.</summary>
    public Props WithStashCapacity(int stashCapacity) => new(_producer, Arguments, SupervisorStrategy, stashCapacity);

    internal ActorBase NewActor() => _producer.Produce();

    internal void Release(ActorBase actor) => _producer.Release(actor);

    static object? Evaluate(Expression argument) =>
        // Interpreted: compiling is slower for one use and throws for value types under native AOT.
        TryEvaluate(argument, out var value)
            ? value
            : Expression.Lambda<Func<object?>>(Expression.Convert(argument, typeof(object))).Compile(true)();

    // What arguments nearly always are, constants, locals, fields and properties of those, is read without building a delegate for it.
    static bool TryEvaluate(Expression? argument, out object? value)
    {
        switch (argument)
        {
            case null:
                value = null;
                return true;
            case ConstantExpression constant:
                value = constant.Value;
                return true;
            case MemberExpression { Member: FieldInfo field } member
                when TryEvaluate(member.Expression, out var owner) && (field.IsStatic || owner is not null):
                value = field.GetValue(owner);
                return true;
            case MemberExpression { Member: PropertyInfo { GetMethod: { } getter } } member
                when TryEvaluate(member.Expression, out var owner) && (getter.IsStatic || owner is not null):
                value = getter.Invoke(owner, BindingFlags.DoNotWrapExceptions, null, null, null);
                return true;
            case UnaryExpression { NodeType: ExpressionType.Convert, Method: null } conversion
                when conversion.Type.IsAssignableFrom(conversion.Operand.Type) && TryEvaluate(conversion.Operand, out var operand):
                value = operand;
                return true;
            default:
                value = null;
                return false;
        }
    }

    sealed class EmptyActor : UntypedActor
    {
        protected override void OnReceive(object message) => Unhandled(message);
    }

    sealed class ParameterlessProducer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TActor>
        : IIndirectActorProducer
        where TActor : ActorBase, new()
    {
        public static readonly ParameterlessProducer<TActor> Instance = new();

        readonly TypeProducer _producer = new(typeof(TActor), []);

        public Type ActorType => typeof(TActor);

        public ActorBase Produce() => _producer.Produce();

        public void Release(ActorBase actor) { }
    }

    sealed class ConstructorProducer(ConstructorInfo constructor, object?[] arguments) : IIndirectActorProducer
    {
        // What calling a constructor takes is worked out once for all props that name it.
        static readonly ConcurrentDictionary<ConstructorInfo, ConstructorInvoker> _invokers = new();

        readonly ConstructorInvoker _invoker = _invokers.GetOrAdd(constructor, ConstructorInvoker.Create);

        public Type ActorType => constructor.DeclaringType!;

        public ActorBase Produce() => (ActorBase)_invoker.Invoke(arguments.AsSpan());

        public void Release(ActorBase actor) { }
    }

    sealed class TypeProducer(
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] Type type, object?[] arguments)
        : IIndirectActorProducer
    {
        static readonly ConcurrentDictionary<Type, Candidate[]> _candidates = new();

        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)]
        readonly Type _type = type;
        ConstructorInvoker? _invoker;

        public Type ActorType => _type;

        public ActorBase Produce()
        {
            if ((_invoker ??= FindOnly()) is { } invoker)
                return (ActorBase)invoker.Invoke(arguments.AsSpan());
            try
            {
                return (ActorBase)Activator.CreateInstance(_type, arguments)!;
            }
            catch (TargetInvocationException wrapped) when (wrapped.InnerException is { } cause)
            {
                // What the constructor threw is what the supervisor decides on.
                ExceptionDispatchInfo.Throw(cause);
                throw;
            }
        }

        public void Release(ActorBase actor) { }

        // Where one constructor alone takes as many arguments, and takes these as they are, there is nothing to choose.
        ConstructorInvoker? FindOnly()
        {
            if (!_candidates.TryGetValue(_type, out var candidates))
            {
                candidates = _type.IsAbstract ? [] : [.. _type.GetConstructors().Select(static each => new Candidate(each))];
                _candidates.TryAdd(_type, candidates);
            }
            Candidate? only = null;
            foreach (var each in candidates)
            {
                if (each.Parameters.Length != arguments.Length)
                    continue;
                if (only is not null)
                    return null;
                only = each;
            }
            return only is not null && only.Takes(arguments) ? only.Invoker : null;
        }

        sealed class Candidate(ConstructorInfo constructor)
        {
            public Type[] Parameters { get; } = [.. constructor.GetParameters().Select(static each => each.ParameterType)];

            public ConstructorInvoker Invoker { get; } = ConstructorInvoker.Create(constructor);

            public bool Takes(object?[] arguments)
            {
                for (var index = 0; index < arguments.Length; index++)
                {
                    if (arguments[index] is { } argument ? !Parameters[index].IsInstanceOfType(argument) : Parameters[index].IsValueType)
                        return false;
                }
                return true;
            }
        }
    }
}
