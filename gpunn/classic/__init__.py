"""What comes before Keras in a course, each in a page of plain code."""
from .backprop import Network
from .gradient import check_gradient, evaluate_gradient, numerical_gradient, sample_training_data
from .perceptron import Perceptron
from .regression import LinearRegression, LogisticRegression
from .search import random_local_search, random_search
from .selection import cross_validate, folds, grid_search
from .svm import svm_loss
