@_exported import Adapters
@_exported import Encoders
@_exported import FineTuning
@_exported import Matrices
@_exported import ModelHub
@_exported import Safetensors
@_exported import Tokenizers
